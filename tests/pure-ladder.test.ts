// Goal: the ladder ends: whatever differs, however often, no rung is taken more often than its limit in an hour, each collection climbs rung by
// rung, and one that goes on differing ends in a stop. Method: properties over random comparisons at random times.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { climb, GROUND, type Ladder, MOST, RUNGS, type Step, stopped, WINDOW_MS } from "../bus/ladder.ts";

const NAMES = ["a", "b", "c"];
const comparisons = fc.array(
  fc.record({ differing: fc.subarray(NAMES), after: fc.oneof(fc.nat(20_000), fc.nat(WINDOW_MS * 2)) }),
  { maxLength: 120 },
);

interface Done extends Step {
  at: number;
}

/** What is done in a history of comparisons, and the ladder after each. */
function run(history: readonly { differing: readonly string[]; after: number }[]): { done: Done[]; ladders: Ladder[] } {
  const done: Done[] = [];
  const ladders: Ladder[] = [];
  let [ladder, at]: [Ladder, number] = [GROUND, 0];
  for (const { differing, after } of history) {
    at += after;
    const decided = climb(ladder, differing, at);
    ladder = decided.ladder;
    ladders.push(ladder);
    if (decided.step) done.push({ ...decided.step, at });
  }
  return { done, ladders };
}

describe("the ladder", () => {
  it("is climbed rung by rung by a difference that stays, and ends in a stop that lasts", () => {
    const often = Array.from({ length: 20 }, () => ({ differing: ["a"], after: 1000 }));
    const { done, ladders } = run(often);
    assert.deepEqual(
      done.map(({ rung }) => rung),
      RUNGS,
    );
    assert.deepEqual(stopped(ladders.at(-1) ?? GROUND), ["a"]);
  });

  it("does nothing where nothing differs, and nothing for a collection that agrees", () => {
    fc.assert(
      fc.property(comparisons, (history) => {
        let [ladder, at]: [Ladder, number] = [GROUND, 0];
        for (const { differing, after } of history) {
          at += after;
          const decided = climb(ladder, differing, at);
          ladder = decided.ladder;
          for (const name of decided.step?.collections ?? []) assert.ok(differing.includes(name));
          assert.ok(!decided.step || decided.step.collections.length > 0);
          for (const name of ladder.at.keys()) assert.ok(differing.includes(name), "who agrees is on the ground");
        }
      }),
    );
  });

  it("takes no rung more often in an hour than its limit, whatever comes and goes", () => {
    fc.assert(
      fc.property(comparisons, (history) => {
        const { done } = run(history);
        for (const { at } of done) {
          const hour = done.filter((one) => one.at > at - WINDOW_MS && one.at <= at);
          for (const rung of ["retry", "catch-up", "rebuild"] as const)
            assert.ok(hour.filter((one) => one.rung === rung).length <= MOST[rung], rung);
          for (const name of NAMES)
            assert.ok(hour.filter((one) => one.rung === "resync" && one.collections.includes(name)).length <= MOST.resync);
        }
      }),
    );
  });

  it("stops a loop: what is brought right and differs again at once", () => {
    const loop = Array.from({ length: 400 }, (_, n) => ({ differing: n % 4 === 3 ? [] : ["a"], after: 1000 }));
    const { done } = run(loop);
    const counts = Object.fromEntries(RUNGS.map((rung) => [rung, done.filter((one) => one.rung === rung).length]));
    for (const rung of ["retry", "catch-up", "resync", "rebuild"] as const) assert.equal(counts[rung], MOST[rung], rung);
    assert.ok((counts.stop ?? 0) > 0);
  });

  it("ends in a stop for each collection that goes on differing, and begins anew an hour later", () => {
    fc.assert(
      fc.property(comparisons, fc.subarray(NAMES, { minLength: 1 }), (history, staying) => {
        const stay = Array.from({ length: 40 }, () => ({ differing: staying, after: 1000 }));
        const { ladders } = run([...history, ...stay]);
        const end = ladders.at(-1) ?? GROUND;
        assert.deepEqual(stopped(end).sort(), [...staying].sort());
        const later = Math.max(...[...end.at.values()].map(({ since }) => since), ...end.taken.map(({ at }) => at)) + WINDOW_MS;
        assert.equal(climb(end, staying, later).step?.rung, "retry");
      }),
    );
  });
});
