/** The digests of all collections, moved forward change by change, without any I/O. A digest is made of every version but the tombstones up to
 *  the collection's floor, whether they are still there or not: so it changes with the statement of a floor, at its revision, and collecting the
 *  tombstones afterwards changes nothing. */
import { DIGEST_BYTES, Digest, versionHash } from "../../schemas/digest.ts";
import type { Floor } from "../../schemas/types.ts";

/** A change. `previous`: the subject's last revision before it. `collection`: undefined for the store's own documents. `floor`: it says that
 *  tombstones of the collection are collected. */
export interface LiveChange {
  collection: string | undefined;
  subject: string;
  revision: number;
  previous: number;
  deleted: boolean;
  floor?: Floor;
}

/** Of one collection. */
interface Counted {
  digest: Digest;
  /** The hashes of the tombstones that count, by their revisions. */
  tombstones: Map<number, Uint8Array>;
  /** Revisions of tombstones up to the floor that may still be there: what takes their place takes nothing away. Before a floor is stated all of
   *  the one before are gone, but for the one that is kept. */
  dropped: Set<number>;
}

export class Tally {
  readonly #counted = new Map<string, Counted>();

  /** Collection and digest of each. */
  *digests(): Generator<[string, Digest]> {
    for (const [collection, { digest }] of this.#counted) yield [collection, digest];
  }

  /** Returns what the change has changed in its collection's digest: the same once more takes it back. */
  apply({ collection, subject, revision, previous, deleted, floor }: LiveChange): Uint8Array {
    const delta = new Uint8Array(DIGEST_BYTES);
    if (!collection) return delta;
    const counted = this.#of(collection);
    if (floor) lower(counted, floor, delta);
    else {
      const hash = versionHash(subject, revision);
      xor(delta, hash);
      if (previous > 0 && !counted.dropped.has(previous)) xor(delta, versionHash(subject, previous));
      counted.tombstones.delete(previous);
      // Bytes of their own: what the hash is a view of would be kept with it.
      if (deleted) counted.tombstones.set(revision, new Uint8Array(hash.subarray(0, DIGEST_BYTES)));
    }
    counted.digest.toggle(delta);
    return delta;
  }

  /** A version as it was read from the store; `counts`: it is no tombstone up to the floor. */
  add({ collection, subject, revision, deleted }: LiveChange & { collection: string }, counts: boolean): void {
    if (counts) this.apply({ collection, subject, revision, previous: 0, deleted });
    else this.#of(collection).dropped.add(revision);
  }

  #of(collection: string): Counted {
    const known = this.#counted.get(collection);
    if (known) return known;
    const counted = { digest: new Digest(), tombstones: new Map<number, Uint8Array>(), dropped: new Set<number>() };
    this.#counted.set(collection, counted);
    return counted;
  }
}

/** The tombstones up to the floor count no longer. */
function lower(counted: Counted, { floor, kept }: Floor, delta: Uint8Array): void {
  counted.dropped = new Set(kept === undefined ? [] : [kept]);
  for (const [revision, hash] of counted.tombstones) {
    if (revision > floor) continue;
    xor(delta, hash);
    counted.tombstones.delete(revision);
    counted.dropped.add(revision);
  }
}

function xor(target: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) ^ (other[i] as number);
}
