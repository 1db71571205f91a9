// Goal: kill -9 of a handler process loses no acknowledged write and repeats none. Method: two webservers write 100 times a second; one of
// two handlers is killed at a random moment while writes are in flight, 20 times; every write that fails is tried again under its own
// mutation id until it is acknowledged; then a third, fresh replica and the store itself are asked for everything.
import { it } from "node:test";
import { killWhileWriting } from "./support/faults-killing.ts";

it("kill -9 of a handler, 20 times", { timeout: 900_000 }, async (t) => {
  await killWhileWriting(t, {
    handlers: 2,
    choose: ({ datastore }, chance) => (datastore.pids.handlers.length > 0 ? chance.pick(datastore.pids.handlers) : undefined),
    betweenMs: [50, 900],
  });
});
