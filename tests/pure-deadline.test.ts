// Goal: what waits with a deadline ends, whatever the collector does meanwhile. Method: signals that nobody but their listener holds, and a collector
// that is made to run; the same with Node's own signals shows that it would be noticed where those are lost.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { deferred, linked, within, withSignal } from "../bus/platform/deadline.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const MANY = 50;
const SOON_MS = 20;
const WAIT_MS = 60_000;

/** Resolves with the reason when the signal aborts; nothing else holds it. */
const ended = (signal: AbortSignal) =>
  new Promise<unknown>((resolve) => signal.addEventListener("abort", () => resolve(signal.reason), { once: true }));

describe("withSignal", { timeout: WAIT_MS }, () => {
  it("ends what waits when its time is over, also when the collector runs before", async () => {
    const stop = new AbortController();
    const waiting = Array.from({ length: MANY }, () => withSignal(SOON_MS, stop.signal, ended));
    collect();
    for (const reason of await Promise.all(waiting)) assert.equal((reason as Error).name, "TimeoutError");
  });

  it("ends it when the given signal aborts, with its reason, also one that has aborted already", async () => {
    const stop = new AbortController();
    const waiting = withSignal(WAIT_MS, stop.signal, ended);
    collect();
    stop.abort("enough");
    assert.equal(await waiting, "enough");
    assert.equal(await withSignal(WAIT_MS, stop.signal, async ({ aborted, reason }) => aborted && reason), "enough");
  });

  it("gives what was run for, and leaves nothing behind", async () => {
    const { signal } = new AbortController();
    let given: AbortSignal | undefined;
    const run = async (ending: AbortSignal) => {
      given = ending;
      return 7;
    };
    assert.equal(await withSignal(SOON_MS, signal, run), 7);
    await assert.rejects(
      withSignal(SOON_MS, undefined, () => Promise.reject(new Error("no"))),
      /no/,
    );
    await new Promise((resolve) => setTimeout(resolve, 2 * SOON_MS));
    assert.equal(given?.aborted, false, "its timer was cleared");
  });
});

describe("linked", { timeout: WAIT_MS }, () => {
  const heard = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

  it("aborts with the first of its signals, also when nobody holds that and the collector runs before", async () => {
    const stop = new AbortController();
    const linkedTo = () => ended(linked(stop.signal, undefined, AbortSignal.timeout(SOON_MS)).controller.signal);
    const waiting = Array.from({ length: MANY }, linkedTo);
    collect();
    // Node's own timer does not keep the process going.
    const busy = setTimeout(() => {}, WAIT_MS);
    for (const reason of await Promise.all(waiting)) assert.equal((reason as Error).name, "TimeoutError");
    clearTimeout(busy);
    assert.equal(heard(stop.signal), 0);
    stop.abort("enough");
    const { controller } = linked(new AbortController().signal, stop.signal);
    assert.deepEqual([controller.signal.aborted, controller.signal.reason], [true, "enough"]);
  });

  it("leaves nothing behind when it is released, and hears nothing any more", () => {
    const [stop, other] = [new AbortController(), new AbortController()];
    const { controller, release } = linked(stop.signal, other.signal);
    assert.deepEqual([heard(stop.signal), heard(other.signal)], [1, 1]);
    release();
    assert.deepEqual([heard(stop.signal), heard(other.signal)], [0, 0]);
    stop.abort();
    assert.equal(controller.signal.aborted, false);
  });
});

describe("within", { timeout: WAIT_MS }, () => {
  const never = new Promise<never>(() => {});
  const heard = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

  it("gives what it waits for, or what that fails with, or says that it is late, and nobody listens to the signal any more", async () => {
    const { signal } = new AbortController();
    const what = { timeoutMs: WAIT_MS, signal };
    assert.equal(await within(Promise.resolve(7), "it", what), 7);
    await assert.rejects(within(Promise.reject(new Error("no")), "it", what), /no/);
    await assert.rejects(within(never, "it", { timeoutMs: SOON_MS, signal }), { code: "TIMEOUT", message: /it took longer/ });
    assert.equal(heard(signal), 0);
  });

  it("ends with the signal's reason, also when that has aborted already", async () => {
    const stop = new AbortController();
    const waiting = within(never, "it", { timeoutMs: WAIT_MS, signal: stop.signal });
    assert.equal(heard(stop.signal), 1);
    stop.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await assert.rejects(within(Promise.resolve(7), "it", { signal: stop.signal }), /enough/);
    assert.equal(heard(stop.signal), 0);
  });

  it("takes what the promise fails with also when the signal has aborted already: else it would be nobody's", async (t) => {
    const nobodys: unknown[] = [];
    const noted = (reason: unknown) => void nobodys.push(reason);
    process.on("unhandledRejection", noted);
    t.after(() => process.off("unhandledRejection", noted));
    const { promise, reject } = deferred<never>();
    await assert.rejects(within(promise, "it", { signal: AbortSignal.abort(new Error("enough")) }), /enough/);
    reject(new Error("later"));
    await new Promise((resolve) => setTimeout(resolve, SOON_MS));
    assert.deepEqual(nobodys, []);
  });
});
