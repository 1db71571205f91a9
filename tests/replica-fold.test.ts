// Goal: a replica is at every moment what the log adds up to at the number that the webserver names (invariant 9), also while changes are lost on the way
// and caught up with, and not only when all is quiet. Method: two webservers write and delete while live messages are lost; in between a third one is
// asked for its digests; afterwards each answer is computed anew from the versions that the store has kept.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Bus } from "../bus/index.ts";
import { hooks } from "../bus/wire/hooks.ts";
import { parseStoreSubject } from "../bus/wire/subjects.ts";
import { deploy } from "./support/deployment.ts";
import { assertEqualReplicas, storedVersions } from "./support/faults-ledger.ts";
import { dice } from "./support/faults-random.ts";

const WAIT_MS = 60_000;
const COLLECTION = "dashboards";
/** The store keeps 20 versions of a document: with fewer it has the whole log. */
const MOST_VERSIONS = 18;

/** XOR over the last versions up to a revision of a hash of subject and revision: the design's own words, and none of the product's code. */
function digestAt(log: readonly { subject: string; revision: number }[], upTo: number): string {
  const last = new Map<string, number>();
  for (const { subject, revision } of log) if (revision <= upTo) last.set(subject, revision);
  const sum = Buffer.alloc(16);
  for (const [subject, revision] of last) {
    const hash = createHash("sha256").update(`${subject} ${revision}`).digest();
    for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) ^ (hash[at] as number);
  }
  return sum.toString("hex");
}

test("a replica is what the log adds up to at its number, whenever it is asked", async (t) => {
  const chance = dice(t);
  await using deployment = await deploy({ webservers: 3, handlers: 2, bus: { updateInterval: 0.5 } });
  const [first, second, asked] = deployment.buses as [Bus, Bus, Bus];
  for (const bus of deployment.buses) await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  hooks.loseLive = () => chance.number(0, 1) < 0.1;
  t.after(() => {
    hooks.loseLive = undefined;
  });
  let writing = true;
  const write = async (bus: Bus, lane: number) => {
    const versions = new Map<string, number>();
    for (let n = 0; n < 80; n++) {
      const id = `${lane}-${Math.floor(chance.number(0, 7))}`;
      const count = (versions.get(id) ?? 0) + 1;
      if (count > MOST_VERSIONS) continue;
      versions.set(id, count);
      const gone = count > 1 && chance.number(0, 1) < 0.3;
      if (gone)
        await bus
          .collection(COLLECTION)
          .delete(id)
          .catch(() => {});
      else await bus.collection(COLLECTION).put({ id, name: `${n}` });
    }
  };
  const samples: { cursor: number; digest: string }[] = [];
  const sample = async () => {
    const { state, reading } = asked.status();
    if (state !== "synced" || reading !== undefined) return;
    const { cursor, digests } = await asked.digests();
    samples.push({ cursor, digest: digests[COLLECTION] ?? digestAt([], 0) });
  };
  const sampling = (async () => {
    for (; writing; await setImmediate()) await sample();
  })();
  await Promise.all([write(first, 1), write(second, 2)]);
  hooks.loseLive = undefined;
  writing = false;
  await sampling;
  for (const bus of deployment.buses) await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  await assertEqualReplicas(deployment.buses, WAIT_MS);
  await sample();

  const log = (await storedVersions(deployment)).filter(({ subject }) => parseStoreSubject(subject).collection === COLLECTION);
  const wrong = samples.filter(({ cursor, digest }) => digestAt(log, cursor) !== digest);
  assert.deepEqual(wrong, [], `of ${samples.length}`);
  const { dropped, catchUps, resyncs } = asked.status().counters;
  t.diagnostic(
    `${samples.length} answers at ${new Set(samples.map(({ cursor }) => cursor)).size} revisions, ${catchUps} catch-ups`,
  );
  assert.ok(samples.length > 0 && dropped > 0 && catchUps > 1);
  assert.equal(resyncs, 0, "nothing had to be brought right");
});
