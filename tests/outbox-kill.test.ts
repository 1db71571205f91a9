// Goal: kill -9 of a webserver with writes in its outbox loses none that it acknowledged, and none is stored twice. Method: a webserver in a process
// of its own writes without a datastore and is killed at a random moment, 20 times; in some of the rounds the datastore is there for a
// while, so that the kill falls into the replay. At the end the same folder is opened with the datastore there.
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connectBus } from "../bus/index.ts";
import { deploy } from "./support/deployment.ts";
import { storedVersions } from "./support/faults-ledger.ts";
import { freeze } from "./support/faults-processes.ts";
import { dice } from "./support/faults-random.ts";
import { eventually } from "./support/nats-server-kit.ts";
import type { OfflineOrder, OfflineReport } from "./support/outbox-webserver.ts";

const PROGRAM = fileURLToPath(new URL("support/outbox-webserver.js", import.meta.url));
const ROUNDS = 20;
/** Acknowledged writes before a kill. */
const WRITES = { least: 1, most: 60 };

it("kill -9 of a webserver with a full outbox, 20 times", { timeout: 900_000 }, async (t) => {
  const chance = dice(t);
  await using deployment = await deploy();
  const order = { datastore: deployment.datastore.address, webserver: "web1", dir: join(deployment.dir, "web1") };
  const acknowledged: OfflineReport[] = [];

  async function live(life: number): Promise<void> {
    const child = fork(PROGRAM, [], { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
    t.after(() => child.kill("SIGKILL"));
    const before = acknowledged.length;
    child.on("message", (report: OfflineReport) => acknowledged.push(report));
    const ended = Promise.all([once(child, "exit"), once(child, "disconnect")]);
    child.send({ ...order, life } satisfies OfflineOrder);
    const enough = Math.round(chance.number(WRITES.least, WRITES.most));
    await eventually("it writes", 180_000, () => acknowledged.length >= before + enough || child.exitCode !== null);
    await sleep(chance.number(0, 20));
    child.kill("SIGKILL");
    await ended;
    assert.ok(acknowledged.length >= before + enough);
  }

  for (let life = 0; life < ROUNDS; life++) {
    // Now and then it hears of the datastore, and is killed while it replays.
    if (life % 4 === 3) await live(life);
    else {
      using _away = freeze([deployment.datastore.pids.natsServer]);
      await live(life);
    }
  }
  await using bus = await connectBus({ ...order, updateInterval: 1 });
  await bus.caughtUp(null, { timeoutMs: 60_000 });
  assert.deepEqual([bus.status().pending, await bus.deadLetters.list()], [0, []]);
  const counts = new Map<string, number>();
  for (const { envelope } of await storedVersions(deployment))
    if (envelope) counts.set(envelope.version, (counts.get(envelope.version) ?? 0) + 1);
  for (const [mutation, count] of counts) assert.equal(count, 1, `${mutation} was stored ${count} times`);
  for (const { id, field, mutationId } of acknowledged) {
    const data = (await bus.collection("dashboards").get(id))?.doc.data as Record<string, number> | undefined;
    assert.ok(data && field in data, `${field} of ${id} is lost`);
    assert.equal(counts.get(mutationId), 1, `${mutationId} has no effect of its own`);
  }
  t.diagnostic(`${acknowledged.length} writes acknowledged`);
});
