// Goal: the two small machines that a bus relies on: tasks of one key follow each other whatever fails, and the table of states leads nowhere
// that the design does not allow. Method: properties over random tasks, and over every row and column of the table.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { State } from "../bus/api.ts";
import { deferred } from "../bus/platform/deadline.ts";
import { KeyedQueue } from "../bus/platform/keyed-queue.ts";
import { type Event, TRANSITIONS } from "../bus/states.ts";

describe("a keyed queue", () => {
  it("runs what has the same key one after the other, in order, and other keys beside it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.boolean()), { maxLength: 30 }), async (tasks) => {
        const queue = new KeyedQueue();
        const running = new Map<string, number>();
        const order = new Map<string, number[]>();
        const results = tasks.map(([key, fails], n) =>
          queue.run(key, async () => {
            assert.equal(running.get(key), undefined, "alone");
            running.set(key, n);
            await Promise.resolve();
            running.delete(key);
            order.set(key, [...(order.get(key) ?? []), n]);
            if (fails) throw new Error(String(n));
            return n;
          }),
        );
        const settled = await Promise.allSettled(results);
        for (const [n, one] of settled.entries())
          assert.equal(one.status === "fulfilled" ? one.value : -1, tasks[n]?.[1] ? -1 : n);
        for (const [key, ran] of order)
          assert.deepEqual(
            ran,
            tasks.flatMap(([of], n) => (of === key ? [n] : [])),
          );
        for (const key of ["a", "b", "c"]) assert.equal(queue.has(key), false, "nothing is kept");
      }),
    );
  });

  it("does not let a stuck key hold up another one", async () => {
    const queue = new KeyedQueue();
    const stuck = deferred<void>();
    const first = queue.run("a", () => stuck.promise);
    const second = queue.run("a", async () => "after");
    assert.equal(await queue.run("b", async () => "beside"), "beside");
    assert.ok(queue.has("a"));
    stuck.resolve();
    await first;
    assert.equal(await second, "after");
  });
});

describe("the states of a bus", () => {
  const all = Object.entries(TRANSITIONS).flatMap(([from, row]) =>
    Object.entries(row).map(([event, to]) => ({ from: from as State, event: event as Event, to })),
  );

  it("are four, each with all five events", () => {
    assert.deepEqual(Object.keys(TRANSITIONS).sort(), ["catching-up", "degraded", "held", "synced"]);
    for (const row of Object.values(TRANSITIONS))
      assert.deepEqual(Object.keys(row).sort(), ["behind", "caught-up", "lost", "mismatch", "reached"]);
  });

  it("say synced only after a catch-up that ended with nothing pending", () => {
    for (const { from, event, to } of all)
      if (to === "synced") assert.ok(from === "synced" || (from === "catching-up" && event === "caught-up"), `${from} ${event}`);
  });

  it("are held after a mismatch, until the right datastore answers", () => {
    for (const { from, event, to } of all) {
      if (event === "mismatch") assert.equal(to, "held");
      else if (from === "held") assert.equal(to, event === "reached" ? "catching-up" : "held");
    }
  });

  it("are degraded when the datastore is lost, and by nothing else", () => {
    for (const { from, event, to } of all) {
      if (event === "lost" && from !== "held") assert.equal(to, "degraded");
      else if (to === "degraded") assert.equal(from, "degraded");
    }
  });

  it("lead from everywhere to everywhere, whatever happened before", () => {
    const events = Object.keys(TRANSITIONS.degraded) as Event[];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events)), (history) => {
        const after = (from: State, path: readonly Event[]) => path.reduce((state, event) => TRANSITIONS[state][event], from);
        const here = after("degraded", history);
        assert.equal(after(here, ["reached", "behind", "caught-up"]), "synced");
        assert.equal(after(here, ["reached", "lost"]), "degraded");
      }),
    );
  });
});
