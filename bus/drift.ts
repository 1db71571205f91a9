/** Compares what the replica has at its position with what it should have there, and says what to do. */
const NO_DIGEST = "0".repeat(32);

export type Finding =
  | { kind: "same" }
  /** It differs: everything is to be read anew. */
  | { kind: "differs"; collections: string[] }
  /** It differs still, after that. */
  | { kind: "differs-again"; collections: string[] };

export class Drift {
  /** A resynchronisation has been tried for this difference. */
  #found = false;

  /** Digests by collection. */
  compare(expected: Readonly<Record<string, string>>, given: Readonly<Record<string, string>>): Finding {
    const names = Object.keys({ ...expected, ...given });
    const collections = names.filter((name) => (expected[name] ?? NO_DIGEST) !== (given[name] ?? NO_DIGEST));
    const differs = collections.length > 0 && Object.keys(given).length > 0;
    const again = differs && this.#found;
    this.#found = differs;
    if (!differs) return { kind: "same" };
    return { kind: again ? "differs-again" : "differs", collections };
  }
}
