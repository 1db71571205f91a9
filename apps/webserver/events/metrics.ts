/** How many changes come in, and how long after their commit: figures of the last second. */
import { clock, type MetricsEvent } from "../../../bus/index.ts";

/** Of one second; more say nothing more. */
const MAX_SAMPLES = 10_000;

export class Metrics {
  #delays: number[] = [];
  #cursor: number;
  #since = clock.monotonic();

  constructor(cursor: number) {
    this.#cursor = cursor;
  }

  /** A change can be read here now; `at`: when it was committed, by the datastore's clock. */
  note(at: string): void {
    const delay = clock.now() - Date.parse(at);
    if (this.#delays.length < MAX_SAMPLES && !Number.isNaN(delay)) this.#delays.push(Math.max(0, delay));
  }

  /** Of the time since the last call. */
  take(cursor: number): MetricsEvent {
    const now = clock.monotonic();
    const seconds = Math.max(0.001, (now - this.#since) / 1000);
    const mutations = Math.max(0, cursor - this.#cursor);
    const delays = this.#delays.sort((a, b) => a - b);
    [this.#delays, this.#cursor, this.#since] = [[], cursor, now];
    return {
      at: new Date(clock.now()).toISOString(),
      mutationsPerSecond: Math.round((mutations / seconds) * 10) / 10,
      propagationMs: { p50: quantile(delays, 0.5), p99: quantile(delays, 0.99) },
    };
  }
}

function quantile(sorted: readonly number[], part: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? null;
}
