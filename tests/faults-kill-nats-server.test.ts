// Goal: kill -9 of nats-server loses no acknowledged write and repeats none, and everybody comes back without help. Method: two webservers
// write 100 times a second; nats-server is killed at a random moment while writes are in flight, 20 times, and started again by the
// datastore on the same port; every write that fails is tried again under its own mutation id until it is acknowledged; then a third,
// fresh replica and the store itself are asked for everything.
import { it } from "node:test";
import { killWhileWriting } from "./support/faults-killing.ts";

it("kill -9 of nats-server, 20 times", { timeout: 900_000 }, async (t) => {
  await killWhileWriting(t, { handlers: 1, choose: ({ datastore }) => datastore.pids.natsServer, betweenMs: [50, 400] });
});
