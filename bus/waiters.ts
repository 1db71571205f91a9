/** Who waits for the replica to get somewhere. */
import { type Deferred, deferred } from "./platform/deadline.ts";

export class Waiters {
  readonly #waiting = new Set<{ condition: () => boolean; end: Deferred<void> }>();
  #closed: Error | undefined;

  /** Resolves when the condition holds; it is looked at now and at each `wake`. Also resolves when the signal aborts. Rejects when the
   *  waiters are closed. */
  async until(condition: () => boolean, signal?: AbortSignal): Promise<void> {
    if (condition() || signal?.aborted) return;
    if (this.#closed) throw this.#closed;
    const waiter = { condition, end: deferred<void>() };
    const abort = () => waiter.end.resolve();
    this.#waiting.add(waiter);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      await waiter.end.promise;
    } finally {
      this.#waiting.delete(waiter);
      signal?.removeEventListener("abort", abort);
    }
  }

  wake(): void {
    for (const waiter of this.#waiting) {
      if (waiter.condition()) {
        this.#waiting.delete(waiter);
        waiter.end.resolve();
      }
    }
  }

  close(error: Error): void {
    this.#closed = error;
    for (const { end } of this.#waiting) end.reject(error);
    this.#waiting.clear();
  }
}
