// Goal: kill -9 of the process that runs the datastore, and with it of everything that it started, loses no acknowledged write, and the
// folder can be started again at once. Method: the datastore runs in a process of its own; it is killed while two webservers write, and
// another one is started on the same folder and port, three times; then a fresh replica and the store are asked for everything.
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Bus, connectBus } from "../bus/index.ts";
import { assertEqualReplicas, Ledger, storedVersions } from "./support/faults-ledger.ts";
import { dice } from "./support/faults-random.ts";
import { writeLane } from "./support/faults-writer.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";

const PROGRAM = fileURLToPath(new URL("support/faults-datastore.js", import.meta.url));
const KILLS = 3;

async function start(t: TestContext, dir: string, port: number): Promise<{ child: ChildProcess; address: string }> {
  const child = fork(PROGRAM, [], { execArgv: [] });
  t.after(() => child.kill("SIGKILL"));
  child.send({ dir: join(dir, "datastore"), port, handlers: 2 });
  const [{ address, failed }] = (await once(child, "message")) as [{ address?: string; failed?: string }];
  assert.ok(address !== undefined, failed);
  return { child, address };
}

it("kill -9 of the whole datastore, 3 times", { timeout: 900_000 }, async (t) => {
  const chance = dice(t);
  const ledger = new Ledger();
  const dir = temporaryFolder(t);
  let { child, address } = await start(t, dir, 0);
  const buses: Bus[] = [];
  const open = async (webserver: string) => {
    const bus = await connectBus({ datastore: address, webserver, dir: join(dir, webserver), updateInterval: 1 });
    t.after(() => bus.close());
    await bus.caughtUp(null, { timeoutMs: 60_000 });
    buses.push(bus);
    return bus;
  };
  const stop = new AbortController();
  const writers = [await open("web1"), await open("web2")];
  const lanes = writers.map((bus, index) =>
    writeLane({
      ...{ bus, lane: `lane${index}`, from: 0, everyMs: 15, signal: stop.signal },
      onStart: (n) => ledger.start(`lane${index}`, n),
      onAcknowledged: (acknowledged) => ledger.acknowledge(acknowledged),
      onRetry: (code) => ledger.retry(code),
    }),
  );
  const killing = async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      const before = ledger.acknowledged.length;
      await eventually("writes are acknowledged", 60_000, () => ledger.acknowledged.length > before + 20);
      await sleep(chance.number(0, 50));
      await eventually("a write is in flight", 60_000, () => ledger.inFlight.size > 0);
      child.kill("SIGKILL");
      await once(child, "exit");
      ({ child, address } = await start(t, dir, Number(address.split(":").at(-1))));
    }
    const before = ledger.acknowledged.length;
    await eventually("writes are acknowledged at the end", 60_000, () => ledger.acknowledged.length > before + 20);
  };
  await Promise.race([killing(), ...lanes]).finally(() => stop.abort());
  await Promise.all(lanes);

  const fresh = await open("fresh");
  await assertEqualReplicas(buses);
  await ledger.assertReadFrom(fresh);
  ledger.assertOneEffectEach(await storedVersions({ dir, datastore: { address } }));
  for (const bus of buses) assert.equal(bus.status().counters.resyncs, 0);
  t.diagnostic(`${ledger.acknowledged.length} writes acknowledged; tried again: ${JSON.stringify([...ledger.retries])}`);
  for (const bus of buses) await bus.close();
  child.disconnect();
  await once(child, "exit");
});
