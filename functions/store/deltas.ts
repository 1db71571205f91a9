/** The last changes of the digests, to go back by. In arrays of numbers: kept as objects, each would outlive two collections of the young ones
 *  and be copied in both. */
import { DIGEST_BYTES } from "../../schemas/digest.ts";

export class Deltas {
  readonly #limit: number;
  readonly #revisions: Float64Array;
  readonly #hashes: Uint8Array;
  /** Of each change; undefined: of the store's own documents, which are in no digest. */
  readonly #collections: (string | undefined)[] = [];

  /** Keeps at least the last `limit` changes, and at most twice as many. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#revisions = new Float64Array(2 * limit);
    this.#hashes = new Uint8Array(2 * limit * DIGEST_BYTES);
  }

  /** The revision of the first one that is kept; undefined: there is none. */
  get oldest(): number | undefined {
    return this.#collections.length > 0 ? this.#revisions[0] : undefined;
  }

  /** `hash`: what the change has changed in its collection's digest. */
  push(revision: number, collection: string | undefined, hash: Uint8Array): void {
    if (this.#collections.length === 2 * this.#limit) this.#forgetHalf();
    const at = this.#collections.length;
    this.#revisions[at] = revision;
    this.#hashes.set(hash, at * DIGEST_BYTES);
    this.#collections.push(collection);
  }

  /** Those after a revision. */
  *after(revision: number): Generator<{ collection: string; hash: Uint8Array }> {
    for (const [at, collection] of this.#collections.entries()) {
      if (collection === undefined || (this.#revisions[at] as number) <= revision) continue;
      yield { collection, hash: this.#hashes.subarray(at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES) };
    }
  }

  clear(): void {
    this.#collections.length = 0;
  }

  #forgetHalf(): void {
    this.#revisions.copyWithin(0, this.#limit);
    this.#hashes.copyWithin(0, this.#limit * DIGEST_BYTES);
    this.#collections.splice(0, this.#limit);
  }
}
