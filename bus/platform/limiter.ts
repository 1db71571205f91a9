/** Runs at most so many tasks at once; the others wait their turn. */
import { FrontsyncError } from "../../schemas/errors.ts";

const MAX_WAITING = 10_000;

export class Limiter {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Throws DATASTORE_UNREACHABLE when too many wait. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#most) {
      if (this.#waiting.length >= MAX_WAITING) throw new FrontsyncError("DATASTORE_UNREACHABLE", "Overloaded: try again.");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
