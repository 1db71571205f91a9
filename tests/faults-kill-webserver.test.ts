// Goal: kill -9 of a webserver loses no write that it acknowledged, and a write that it had in flight has one effect when it is tried again.
// Method: two webservers in processes of their own write 200 times a second together while they live. Each acknowledgement reaches this process before
// the next write begins. One of them is killed at a random moment while it has writes in flight, opens the same folder again, and goes on
// with those writes under their mutation ids; 20 kills count. Then a third, fresh replica is asked for everything.
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Deployment, deploy } from "./support/deployment.ts";
import { assertEqualReplicas, Ledger, storedVersions } from "./support/faults-ledger.ts";
import { type Dice, dice } from "./support/faults-random.ts";
import type { WebserverOrder, WebserverReport } from "./support/faults-webserver.ts";
import { eventually } from "./support/nats-server-kit.ts";

const PROGRAM = fileURLToPath(new URL("support/faults-webserver.js", import.meta.url));
const KILLS_EACH = 10;
const MAX_ROUNDS_EACH = 30;

/** One life of a webserver, up to its kill. True: writes were in flight. */
async function live(t: TestContext, chance: Dice, ledger: Ledger, order: WebserverOrder): Promise<boolean> {
  const child: ChildProcess = fork(PROGRAM, [], { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  t.after(() => child.kill("SIGKILL"));
  let [acknowledged, failed] = [0, ""];
  let onStart = () => {};
  child.on("message", (report: WebserverReport) => {
    if ("start" in report) {
      ledger.start(report.lane, report.start);
      onStart();
    } else if ("acknowledged" in report) {
      acknowledged++;
      ledger.acknowledge(report.acknowledged);
    } else if ("retry" in report) ledger.retry(report.retry);
    else if ("failed" in report) failed = report.failed;
  });
  const ended = Promise.all([once(child, "exit"), once(child, "disconnect")]);
  child.send(order);
  await eventually("the webserver writes", 60_000, () => failed !== "" || acknowledged >= 4);
  assert.equal(failed, "");
  await sleep(chance.number(0, 400));
  const pause = chance.number(0, 3);
  onStart = () => setTimeout(() => child.kill("SIGKILL"), pause);
  // The channel is read to its end: what it said before its death counts.
  await ended;
  assert.equal(failed, "");
  return Object.keys(order.lanes).some((lane) => ledger.inFlight.has(lane));
}

async function killAgainAndAgain(t: TestContext, chance: Dice, ledger: Ledger, deployment: Deployment, webserver: string) {
  const lanes: Record<string, number> = { [`${webserver}a`]: 0, [`${webserver}b`]: 0, [`${webserver}c`]: 0 };
  let [kills, rounds] = [0, 0];
  for (; kills < KILLS_EACH && rounds < MAX_ROUNDS_EACH; rounds++) {
    const order = {
      datastore: deployment.datastore.address,
      webserver,
      dir: join(deployment.dir, webserver),
      everyMs: 30,
      lanes,
    };
    if (await live(t, chance, ledger, order)) kills++;
    for (const lane of Object.keys(lanes)) {
      const done = ledger.acknowledged.filter((one) => one.lane === lane).length;
      lanes[lane] = ledger.inFlight.get(lane) ?? done;
    }
  }
  t.diagnostic(`${webserver}: ${kills} kills with writes in flight, of ${rounds}`);
  assert.equal(kills, KILLS_EACH);
}

it("kill -9 of a webserver, 20 times", { timeout: 900_000 }, async (t) => {
  const chance = dice(t);
  const ledger = new Ledger();
  await using deployment = await deploy({ webservers: 1, handlers: 2, bus: { updateInterval: 0.5 } });
  await Promise.all(["web8", "web9"].map((webserver) => killAgainAndAgain(t, chance, ledger, deployment, webserver)));

  const buses = [...deployment.buses];
  // Each life has opened the folder of the one before: nothing there is in the way of the next.
  for (const webserver of ["web8", "web9", "fresh"]) buses.push(await deployment.connect(webserver));
  const [watcher, , , fresh] = buses;
  assert.ok(watcher && fresh);
  await assertEqualReplicas(buses);
  await ledger.assertReadFrom(fresh);
  ledger.assertOneEffectEach(await storedVersions(deployment));
  assert.equal(watcher.status().counters.resyncs, 0);
  t.diagnostic(`${ledger.acknowledged.length} writes acknowledged; tried again: ${JSON.stringify([...ledger.retries])}`);
});
