// Goal: a write that is under way when the connection breaks, or when its handler dies and no other comes, goes into the outbox under its mutation id
// and has one effect, whether or not it had arrived. Method: a gate before the webserver is shut at random moments while it writes.
import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connectBus, type Written } from "../bus/index.ts";
import { deploy } from "./support/deployment.ts";
import { storedVersions } from "./support/faults-ledger.ts";
import { dice } from "./support/faults-random.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { Gate } from "./support/offline.ts";

const WAIT_MS = 60_000;
const CUTS = 10;
/** How long a caller waits who is told in the end that nobody knows. */
const CALLER_MS = 5000;

it("a connection that is cut again and again while a webserver writes loses nothing, and stores nothing twice", async (t) => {
  const chance = dice(t);
  await using deployment = await deploy();
  await using gate = await Gate.to(deployment.datastore.address);
  const options = { datastore: gate.address, webserver: "web1", dir: join(deployment.dir, "web1"), updateInterval: 0.5 };
  await using bus = await connectBus(options);
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  const dashboards = bus.collection("dashboards");
  const acknowledged: { key: string; written: Written }[] = [];
  const stop = new AbortController();
  const lane = async (name: string) => {
    await dashboards.put({ id: name, name, data: {} }, { timeoutMs: WAIT_MS });
    for (let n = 0; !stop.signal.aborted; n++) {
      const key = `k${n}`;
      const written = await dashboards.patch(name, { data: { [key]: n } }, { timeoutMs: WAIT_MS });
      acknowledged.push({ key: `${name} ${key}`, written });
      await sleep(5);
    }
  };
  const lanes = ["a", "b", "c"].map(lane);
  for (let cut = 0; cut < CUTS; cut++) {
    const before = acknowledged.length;
    await eventually("it writes", WAIT_MS, () => acknowledged.length > before);
    await sleep(chance.number(0, 30));
    gate.shut();
    await eventually("it waits", WAIT_MS, () =>
      acknowledged.some(({ written }, at) => at >= before && written.revision === null),
    );
    gate.open();
    await eventually("it stores", WAIT_MS, () => bus.status().state === "synced");
  }
  stop.abort();
  await Promise.all(lanes);
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  assert.deepEqual([bus.status().pending, await bus.deadLetters.list()], [0, []]);
  const counts = new Map<string, number>();
  for (const { envelope } of await storedVersions(deployment))
    if (envelope) counts.set(envelope.version, (counts.get(envelope.version) ?? 0) + 1);
  for (const [mutation, count] of counts) assert.equal(count, 1, `${mutation} was stored ${count} times`);
  for (const { key } of acknowledged) {
    const [id = "", field = ""] = key.split(" ");
    const data = (await dashboards.get(id))?.doc.data as Record<string, number> | undefined;
    assert.ok(data && field in data, `${key} is lost`);
  }
  t.diagnostic(
    `${acknowledged.length} writes, ${acknowledged.filter(({ written }) => written.revision === null).length} of them queued`,
  );
});

it("what is sent to a collection that can't wait is asked again as long as its caller waits; then its outcome is unknown", async () => {
  await using deployment = await deploy();
  await using gate = await Gate.to(deployment.datastore.address);
  const options = { datastore: gate.address, webserver: "web1", dir: join(deployment.dir, "web1"), updateInterval: 60 };
  await using bus = await connectBus(options);
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  const writing = bus.collection("groups").put({ name: "g" }, { timeoutMs: CALLER_MS });
  gate.shut();
  await assert.rejects(writing, { code: "OUTCOME_UNKNOWN", retryable: true });
  gate.open();
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  assert.equal(bus.status().pending, 0);
});
