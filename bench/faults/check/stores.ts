/** The stores that there were in a round, one after the other: when each was lost, and what of it must have come into the next one. */
import type { Entry } from "./history.ts";

interface Loss {
  lostAt: number;
  backAt: number;
  kept: number;
  word: "accept" | "replace" | null;
}

export class Stores {
  readonly #losses: Loss[] = [];

  constructor(entries: readonly Entry[]) {
    for (const entry of entries) {
      const last = this.#losses.at(-1);
      if (entry.type === "store-lost") {
        const { at: lostAt, kept, word } = entry;
        this.#losses.push({ lostAt, kept, word, backAt: Number.POSITIVE_INFINITY });
      } else if (entry.type === "store-back" && last) last.backAt = entry.at;
    }
  }

  /** The one that is there at the end. */
  get last(): number {
    return this.#losses.length;
  }

  /** Which one an operation has met, and undefined of one that may have met two. */
  of({ invokedAt, endedAt }: { invokedAt: number; endedAt: number }): number | undefined {
    const lost = this.#losses.filter(({ lostAt }) => lostAt <= endedAt);
    return lost.some(({ backAt }) => invokedAt <= backAt) ? undefined : lost.length;
  }

  /** Whether a version of a lost store went with it, as it may: no webserver had it yet. */
  mayBeLost({ store = 0, revision }: { store?: number; revision: number }): boolean {
    const loss = this.#losses[store];
    return loss !== undefined && revision > loss.kept;
  }

  /** Whether webservers were told, after this store, to follow what was there, and to keep aside what was not. */
  isGivenUp(store = 0): boolean {
    return this.#losses.slice(store).some(({ word }) => word === "replace");
  }
}
