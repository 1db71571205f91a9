// Goal: clocks that are set right, by whole minutes, keep nobody from the datastore: requests carry deadlines by the datastore's clock.
// Method: the webserver's clock, which is this process's, jumps; the handlers' are those of other processes.
import { test } from "node:test";
import { clock } from "../bus/platform/clock.ts";
import { deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";

const MINUTES_MS = 10 * 60_000;
const BACK_MS = 60_000;

test("a webserver whose clock jumps, either way, is in step again by itself", async (t) => {
  await using deployment = await deploy({ webservers: 1, bus: { updateInterval: 0.2 } });
  const [bus] = deployment.buses as [(typeof deployment.buses)[0]];
  const { now } = clock;
  t.after(() => (clock.now = now));
  for (const [n, offset] of [-MINUTES_MS, MINUTES_MS, 0].entries()) {
    clock.now = () => now() + offset;
    const { checkIns } = bus.status().counters;
    await eventually("its check-ins are answered", BACK_MS, () => bus.status().counters.checkIns > checkIns + 1);
    await eventually("it is in step", BACK_MS, () => bus.status().state === "synced");
    await eventually(`a write is stored with ${offset} ms`, BACK_MS, async () => {
      const { revision } = await bus.collection("dashboards").put({ id: `at ${n}`, name: "x" }, { timeoutMs: BACK_MS });
      return revision !== null;
    });
  }
});

test("a webserver whose clock was set back while it had no contact connects again at once", async (t) => {
  await using deployment = await deploy({ webservers: 1, bus: { updateInterval: 0.2 } });
  const [bus] = deployment.buses as [(typeof deployment.buses)[0]];
  const { now } = Date;
  t.after(() => (Date.now = now));
  // The client's last try to connect is at a time that then comes again much later.
  Date.now = () => now() + MINUTES_MS;
  await deployment.restartDatastore();
  await eventually("it is in step", BACK_MS, () => bus.status().state === "synced");
  await deployment.stopDatastore();
  await eventually("it has no contact", BACK_MS, () => bus.status().state === "degraded");
  Date.now = now;
  await deployment.restartDatastore();
  await eventually("it is in step again", BACK_MS, () => bus.status().state === "synced");
});
