/** What the users of a round know of each other. */
import type { Dice } from "../dice.ts";
import type { Place } from "./documents.ts";

const RECENT = 40;

export class Shared {
  /** The documents that only grow. */
  readonly logs: Place[] = [];
  readonly #recent: (Place & { revision: number })[] = [];
  #marks = 0;

  nextMark(): number {
    return ++this.#marks;
  }

  written(one: Place & { revision: number }): void {
    this.#recent.push(one);
    if (this.#recent.length > RECENT) this.#recent.shift();
  }

  /** One of the last writes, with the revision that its author was told. */
  recent(dice: Dice): (Place & { revision: number }) | undefined {
    return this.#recent.length === 0 ? undefined : dice.pick(this.#recent);
  }
}
