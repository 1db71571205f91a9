/** What the digests of a replica should be at a position that it names: the digests at the head, and the last changes to go back by. */
import { pause } from "../../bus/platform/deadline.ts";
import { log } from "../../bus/platform/log.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { openReader } from "../../bus/wire/reader.ts";
import { META, parseStoreSubject, STORE_ALL, STREAM } from "../../bus/wire/subjects.ts";
import { Digest, versionHash } from "../../schemas/digest.ts";

const MAX_DELTAS = 10_000;
const PAGE_MESSAGES = 2000;
const PAGE_BYTES = 4 * 1024 * 1024;

/** A live change. `previous`: the subject's last revision before it. `collection`: undefined for the store's own documents. */
interface LiveChange {
  collection: string | undefined;
  subject: string;
  revision: number;
  previous: number;
}

interface Delta {
  revision: number;
  collection: string | undefined;
  hash: Uint8Array;
}

export class Digests {
  readonly #connection: Connection;
  #digests = new Map<string, Digest>();
  #deltas: Delta[] = [];
  /** Where the digests stand; undefined: not known (yet). */
  #head: number | undefined;
  #loads = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  live(change: LiveChange): void {
    const last = this.#deltas.at(-1)?.revision ?? this.#head;
    if (last !== undefined && change.revision <= last) return;
    const gap = last !== undefined && change.revision !== last + 1;
    if (gap) {
      this.#deltas = [];
      if (this.#head !== undefined) void this.load();
    }
    const hash = versionHash(change.subject, change.revision);
    if (change.previous > 0) xor(hash, versionHash(change.subject, change.previous));
    const delta = { revision: change.revision, collection: change.collection, hash };
    this.#deltas.push(delta);
    if (this.#head !== undefined) this.#apply(delta);
    // Twice the limit, then half of it at once: shifting one by one would cost more than all the rest.
    if (this.#deltas.length > 2 * MAX_DELTAS) this.#deltas = this.#deltas.slice(-MAX_DELTAS);
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
    for (let attempt = 1; mine === this.#loads && this.#connection.connected; attempt++) {
      try {
        const { digests, head } = await this.#read();
        if (mine !== this.#loads) return;
        const first = this.#deltas[0]?.revision;
        // Between the end of the reading and the first live change nothing may be missing.
        if (first !== undefined && first > head + 1) continue;
        this.#digests = digests;
        this.#head = head;
        const later = this.#deltas.filter(({ revision }) => revision > head);
        this.#deltas = later;
        for (const delta of later) this.#apply(delta);
        return;
      } catch (error) {
        log.warn({ err: error }, "the digests could not be read");
        await pause(Math.min(attempt * 200, 2000));
      }
    }
  }

  #apply({ revision, collection, hash }: Delta): void {
    if (collection) {
      const digest = this.#digests.get(collection) ?? new Digest();
      digest.toggle(hash);
      this.#digests.set(collection, digest);
    }
    this.#head = revision;
  }

  /** While it reads, documents change: a later version replaces the earlier one, so at the end it is the state at `head`. */
  async #read(): Promise<{ digests: Map<string, Digest>; head: number }> {
    const revisions = new Map<string, number>();
    let head = 0;
    const reader = await openReader(this.#connection, { stream: STREAM, subjects: STORE_ALL, headersOnly: true });
    try {
      while (reader.pending > 0) {
        for (const { subject, revision } of await reader.next(PAGE_MESSAGES, PAGE_BYTES)) {
          revisions.set(subject, revision);
          head = Math.max(head, revision);
        }
      }
    } finally {
      reader.close();
    }
    const digests = new Map<string, Digest>();
    for (const [subject, revision] of revisions) {
      const { collection } = parseStoreSubject(subject);
      if (collection === META) continue;
      const digest = digests.get(collection) ?? new Digest();
      digest.toggle(versionHash(subject, revision));
      digests.set(collection, digest);
    }
    return { digests, head };
  }
}

function xor(target: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) ^ (other[i] as number);
}
