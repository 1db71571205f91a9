/** Waiting with an end. */
import { setMaxListeners } from "node:events";
import { isObject } from "../../schemas/document.ts";
import { FrontsyncError } from "../../schemas/errors.ts";

export const DEFAULT_TIMEOUT_MS = 10_000;
/** 24 days: a timer with more ends at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Nothing to wait for. */
export const DONE: Promise<void> = Promise.resolve();

export interface Waiting {
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** The options of a call, which callers without types may give anyhow. Throws BAD_MESSAGE, with the path of what is wrong. */
export function checkWait<T>(options: T): T {
  if (!isObject(options)) throw bad("The options of a call must be an object.", "");
  const { timeoutMs, signal } = options;
  if (timeoutMs !== undefined && (typeof timeoutMs !== "number" || Number.isNaN(timeoutMs)))
    throw bad("`timeoutMs` must be a number of milliseconds.", "/timeoutMs");
  if (signal !== undefined && signal !== null && !(signal instanceof AbortSignal))
    throw bad("`signal` must be an AbortSignal.", "/signal");
  return options;
}

function bad(what: string, path: string): FrontsyncError {
  return new FrontsyncError("BAD_MESSAGE", what, { path });
}

/** A promise with its two ends in hand. (Promise.withResolvers needs Node 22.) */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: Deferred<T>["resolve"];
  let reject!: Deferred<T>["reject"];
  const promise = new Promise<T>((...ends) => {
    [resolve, reject] = ends;
  });
  return { promise, resolve, reject };
}

/** The promise's outcome, or TIMEOUT with `what` after `timeoutMs`, or the signal's reason. The promise itself goes on. */
export function within<T>(
  promise: Promise<T>,
  what: string,
  { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: Waiting = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    const fail = (reason: unknown) => {
      end();
      reject(reason);
    };
    const late = () => fail(new FrontsyncError("TIMEOUT", `${what} took longer than ${timeoutMs} ms.`));
    const timer = setTimeout(late, Math.min(timeoutMs, MAX_TIMER_MS));
    const abort = () => fail(signal?.reason);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    // Also when that is over already: what the promise fails with would be nobody's, and end the process.
    // Not a race: every put waits here, and a race makes several promises more.
    promise.then((value) => {
      end();
      resolve(value);
    }, fail);
  });
}

/** Resolves after `ms`, or at once when the signal aborts; never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal?.aborted) done();
    else signal?.addEventListener("abort", done, { once: true });
  });
}

/** Resolves when the promise has an outcome, whatever it is, at the latest after `ms`. */
export async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const settled = promise.then(
    () => {},
    () => {},
  );
  await Promise.race([settled, pause(ms, over.signal)]);
  over.abort();
}

/** A controller that also aborts when one of these signals does, with its reason, until it is released. It is held by who waits for them. Not
 *  AbortSignal.any: Node 20 collects an AbortSignal.timeout inside one before it aborts, and whoever listens to that waits for ever; and each leaves
 *  something behind on a signal that lives long. */
export function linked(...signals: readonly (AbortSignal | undefined)[]): { controller: AbortController; release(): void } {
  const controller = new AbortController();
  const given = signals.filter((signal) => signal !== undefined);
  const release = () => {
    for (const signal of given) signal.removeEventListener("abort", heard);
  };
  const end = ({ reason }: AbortSignal) => {
    release();
    controller.abort(reason);
  };
  const heard = ({ target }: Event) => end(target as AbortSignal);
  // Any number may wait for one signal.
  setMaxListeners(0, ...given);
  for (const signal of given) signal.addEventListener("abort", heard);
  const over = given.find(({ aborted }) => aborted);
  if (over) end(over);
  return { controller, release };
}

/** Runs something with a signal that aborts when the given one does, with its reason, and after `ms` at the latest, with TimeoutError. */
export async function withSignal<T>(
  ms: number,
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { controller, release } = linked(signal);
  const overdue = () => controller.abort(new DOMException(`It took longer than ${ms} ms.`, "TimeoutError"));
  const timer = setTimeout(overdue, Math.min(Math.max(1, Math.ceil(ms)), MAX_TIMER_MS));
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
    release();
  }
}
