/** Kills a part of the datastore again and again while two webservers write, and proves what must hold afterwards. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Deployment, deploy } from "./deployment.ts";
import { assertEqualReplicas, Ledger, storedVersions } from "./faults-ledger.ts";
import { type Dice, dice } from "./faults-random.ts";
import { writeLane } from "./faults-writer.ts";
import { eventually } from "./nats-server-kit.ts";

const KILLS = 20;
const MAX_ROUNDS = 60;
const LANES = ["web1a", "web1b", "web2a", "web2b"];

export interface Victim {
  handlers: number;
  /** The process to kill now; undefined: it is just being started again. */
  choose(deployment: Deployment, chance: Dice): number | undefined;
  /** How long to wait before the next kill, at random, ms. */
  betweenMs: [number, number];
}

export async function killWhileWriting(t: TestContext, victim: Victim): Promise<void> {
  const chance = dice(t);
  const ledger = new Ledger();
  await using deployment = await deploy({ webservers: 2, handlers: victim.handlers, bus: { updateInterval: 1 } });
  const stop = new AbortController();
  let onStart = () => {};
  const lanes = LANES.map((lane, index) =>
    writeLane({
      ...{
        bus: deployment.buses[index < 2 ? 0 : 1] as (typeof deployment.buses)[0],
        lane,
        from: 0,
        everyMs: 40,
        signal: stop.signal,
      },
      onStart(n) {
        ledger.start(lane, n);
        onStart();
      },
      onAcknowledged: (acknowledged) => ledger.acknowledge(acknowledged),
      onRetry: (code) => ledger.retry(code),
    }),
  );
  /** One of them may still be among those that run: a busy machine takes a while to end it. */
  const killed = new Set<number>();
  const alive = () => {
    const pid = victim.choose(deployment, chance);
    return pid === undefined || killed.has(pid) ? undefined : pid;
  };
  const killing = (async () => {
    let [kills, rounds, slowest] = [0, 0, 0];
    for (; kills < KILLS && rounds < MAX_ROUNDS; rounds++) {
      await sleep(chance.number(...victim.betweenMs));
      const pid = await eventually("there is one to kill", 60_000, alive);
      const pause = chance.number(0, 5);
      await new Promise<void>((resolve) => {
        onStart = () => resolve();
      });
      await sleep(pause);
      if (ledger.inFlight.size > 0) kills++;
      process.kill(pid, "SIGKILL");
      killed.add(pid);
      const [at, before] = [performance.now(), ledger.acknowledged.length];
      await eventually("writes are acknowledged again", 60_000, () => ledger.acknowledged.length >= before + LANES.length);
      slowest = Math.max(slowest, performance.now() - at);
    }
    t.diagnostic(`${kills} kills with writes in flight, of ${rounds}; writes went on after ${Math.round(slowest)} ms at most`);
    assert.equal(kills, KILLS);
  })();
  await Promise.race([killing, ...lanes]).finally(() => stop.abort());
  await Promise.all(lanes);
  await eventually("the webservers are in sync again", 60_000, () =>
    deployment.buses.every((bus) => bus.status().state === "synced"),
  );
  await assertEqualReplicas(deployment.buses);

  const fresh = await deployment.connect("fresh");
  await assertEqualReplicas([...deployment.buses, fresh]);
  await ledger.assertReadFrom(fresh);
  ledger.assertOneEffectEach(await storedVersions(deployment));
  for (const bus of deployment.buses) {
    const { counters, warnings, pending, deadLetters } = bus.status();
    const codes = warnings.map(({ code }) => code);
    assert.deepEqual(
      { resyncs: counters.resyncs, codes, pending, deadLetters },
      { resyncs: 0, codes: ["DEFAULT_PASSWORD"], pending: 0, deadLetters: 0 },
    );
  }
  t.diagnostic(`${ledger.acknowledged.length} writes acknowledged; tried again: ${JSON.stringify([...ledger.retries])}`);
}
