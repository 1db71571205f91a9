/** What the digests of a replica should be at a position that it names: the digests at the head, and the last changes to go back by. */
import { pause } from "../../bus/platform/deadline.ts";
import { log } from "../../bus/platform/log.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { openReader } from "../../bus/wire/reader.ts";
import { GC, isOwn, parseStoreSubject, STORE_ALL, STREAM } from "../../bus/wire/subjects.ts";
import { DIGEST_BYTES, Digest, versionHash } from "../../schemas/digest.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { Floor } from "../../schemas/types.ts";
import { readFloors } from "./floors.ts";

const MAX_DELTAS = 10_000;
const PAGE_MESSAGES = 2000;
const PAGE_BYTES = 4 * 1024 * 1024;

/** A live change. `previous`: the subject's last revision before it. `collection`: undefined for the store's own documents. `floor`: it says
 *  that tombstones of the collection are collected. */
export interface LiveChange {
  collection: string | undefined;
  subject: string;
  revision: number;
  previous: number;
  floor?: Floor;
}

interface Delta {
  revision: number;
  collection: string | undefined;
  hash: Uint8Array;
}

/** What a digest is made of: every version but the tombstones up to the collection's floor, whether they are still there or not. So a digest
 *  changes with the statement, at its revision, and collecting the tombstones afterwards changes nothing. */
interface Contents {
  digests: Map<string, Digest>;
  /** By collection, the revisions of tombstones up to the floor that may still be there: what takes their place takes nothing away. */
  dropped: Map<string, ReadonlySet<number>>;
  head: number;
}

export class Digests {
  readonly #connection: Connection;
  readonly #schemas: Schemas;
  #digests = new Map<string, Digest>();
  #dropped = new Map<string, ReadonlySet<number>>();
  #deltas: Delta[] = [];
  /** Live changes that came while the store was being read. */
  #early: LiveChange[] = [];
  /** Where the digests stand; undefined: not known (yet). */
  #head: number | undefined;
  #loads = 0;

  constructor(connection: Connection, schemas: Schemas) {
    this.#connection = connection;
    this.#schemas = schemas;
  }

  live(change: LiveChange): void {
    const last = this.#head ?? this.#early.at(-1)?.revision;
    if (last !== undefined && change.revision <= last) return;
    if (last !== undefined && change.revision !== last + 1) {
      this.#early = [];
      if (this.#head !== undefined) void this.load();
    }
    if (this.#head !== undefined) {
      this.#apply(change);
      return;
    }
    this.#early.push(change);
    // Then there is a gap behind what is being read, and it is read anew.
    if (this.#early.length > 2 * MAX_DELTAS) this.#early = this.#early.slice(-MAX_DELTAS);
  }

  /** The digests that a replica at `cursor` should have; undefined: not known. */
  at(cursor: number): Record<string, string> | undefined {
    if (this.#head === undefined || cursor > this.#head) return undefined;
    const oldest = this.#deltas[0]?.revision ?? this.#head + 1;
    if (cursor < oldest - 1) return undefined;
    const past = new Map([...this.#digests].map(([collection, digest]) => [collection, digest.copy()]));
    for (const { revision, collection, hash } of this.#deltas) {
      if (revision > cursor && collection) past.get(collection)?.toggle(hash);
    }
    return Object.fromEntries([...past].map(([collection, digest]) => [collection, String(digest)]));
  }

  /** Reads the last version of every document, bodies left out. Live changes meanwhile are kept, and applied after. */
  async load(): Promise<void> {
    const mine = ++this.#loads;
    this.#head = undefined;
    this.#deltas = [];
    this.#early = [];
    for (let attempt = 1; mine === this.#loads && this.#connection.connected; attempt++) {
      try {
        const contents = await this.#read();
        if (mine !== this.#loads) return;
        const first = this.#early[0]?.revision;
        // Between the end of the reading and the first live change nothing may be missing.
        if (!contents || (first !== undefined && first > contents.head + 1)) continue;
        this.#digests = contents.digests;
        this.#dropped = contents.dropped;
        this.#head = contents.head;
        for (const change of this.#early.splice(0)) if (change.revision > contents.head) this.#apply(change);
        return;
      } catch (error) {
        log.warn({ err: error }, "the digests could not be read");
        await pause(Math.min(attempt * 200, 2000));
      }
    }
  }

  #apply({ collection, subject, revision, previous, floor }: LiveChange): void {
    this.#head = revision;
    const hash = new Uint8Array(DIGEST_BYTES);
    if (collection && floor) {
      xor(hash, Buffer.from(floor.digest, "hex"));
      this.#dropped.set(collection, new Set(floor.revisions));
    } else if (collection) {
      xor(hash, versionHash(subject, revision));
      if (previous > 0 && !this.#dropped.get(collection)?.has(previous)) xor(hash, versionHash(subject, previous));
    }
    this.#deltas.push({ revision, collection, hash });
    // Twice the limit, then half of it at once: shifting one by one would cost more than all the rest.
    if (this.#deltas.length > 2 * MAX_DELTAS) this.#deltas = this.#deltas.slice(-MAX_DELTAS);
    if (!collection) return;
    const digest = this.#digests.get(collection) ?? new Digest();
    digest.toggle(hash);
    this.#digests.set(collection, digest);
  }

  /** While it reads, documents change: a later version replaces the earlier one, so at the end it is the state at `head`. undefined: a floor has
   *  risen meanwhile. */
  async #read(): Promise<Contents | undefined> {
    const floors = await readFloors(this.#connection, this.#schemas);
    const revisions = new Map<string, number>();
    const dropped = new Map<string, number>();
    let head = 0;
    const reader = await openReader(this.#connection, { stream: STREAM, subjects: STORE_ALL, headersOnly: true });
    try {
      while (reader.pending > 0) {
        for (const version of await reader.next(PAGE_MESSAGES, PAGE_BYTES)) {
          const { subject, revision } = version;
          const { collection } = parseStoreSubject(subject);
          head = Math.max(head, revision);
          revisions.set(subject, revision);
          if (revision <= (floors.get(collection)?.floor ?? 0) && version.deleted) dropped.set(subject, revision);
          else dropped.delete(subject);
        }
      }
    } finally {
      reader.close();
    }
    const digests = new Map<string, Digest>();
    for (const [subject, revision] of revisions) {
      const { collection, token } = parseStoreSubject(subject);
      if (collection === GC && floors.get(token)?.revision !== revision) return undefined;
      if (isOwn(collection) || dropped.has(subject)) continue;
      const digest = digests.get(collection) ?? new Digest();
      digest.toggle(versionHash(subject, revision));
      digests.set(collection, digest);
    }
    return { digests, dropped: byCollection(dropped), head };
  }
}

function byCollection(dropped: ReadonlyMap<string, number>): Map<string, Set<number>> {
  const revisions = new Map<string, Set<number>>();
  for (const [subject, revision] of dropped) {
    const { collection } = parseStoreSubject(subject);
    revisions.set(collection, (revisions.get(collection) ?? new Set()).add(revision));
  }
  return revisions;
}

function xor(target: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) ^ (other[i] as number);
}
