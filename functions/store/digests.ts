/** What the digests of a replica should be at a position that it names: the digests at the head, and the last changes to go back by. */
import { pause } from "../../bus/platform/deadline.ts";
import { log } from "../../bus/platform/log.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { readLatest } from "../../bus/wire/reader.ts";
import { isOwn, parseStoreSubject, STORE_ALL, STREAM } from "../../bus/wire/subjects.ts";
import type { Schemas } from "../../schemas/index.ts";
import { Deltas } from "./deltas.ts";
import { readFloors, type StoredFloor } from "./floors.ts";
import { type LiveChange, Tally } from "./tally.ts";

const MAX_DELTAS = 10_000;

export class Digests {
  readonly #connection: Connection;
  readonly #schemas: Schemas;
  #tally = new Tally();
  readonly #deltas = new Deltas(MAX_DELTAS);
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
    const oldest = this.#deltas.oldest ?? this.#head + 1;
    if (cursor < oldest - 1) return undefined;
    const past = new Map([...this.#tally.digests()].map(([collection, digest]) => [collection, digest.copy()]));
    for (const { collection, hash } of this.#deltas.after(cursor)) past.get(collection)?.toggle(hash);
    return Object.fromEntries([...past].map(([collection, digest]) => [collection, String(digest)]));
  }

  /** Reads the last version of every document, bodies left out. Live changes meanwhile are kept, and applied after. */
  async load(): Promise<void> {
    const mine = ++this.#loads;
    this.#head = undefined;
    this.#deltas.clear();
    this.#early = [];
    for (let attempt = 1; mine === this.#loads && this.#connection.connected; attempt++) {
      try {
        const contents = await this.#read();
        if (mine !== this.#loads) return;
        const first = this.#early[0]?.revision;
        // Between the end of the reading and the first live change nothing may be missing.
        if (!contents || (first !== undefined && first > contents.head + 1)) {
          await pause(Math.min(attempt * 20, 500));
          continue;
        }
        this.#tally = contents.tally;
        this.#head = contents.head;
        for (const change of this.#early.splice(0)) if (change.revision > contents.head) this.#apply(change);
        return;
      } catch (error) {
        log.warn({ err: error }, "the digests could not be read");
        await pause(Math.min(attempt * 200, 2000));
      }
    }
  }

  #apply(change: LiveChange): void {
    const { collection, revision } = change;
    this.#head = revision;
    this.#deltas.push(revision, collection, this.#tally.apply(change));
  }

  /** While it reads, documents change: a later version replaces the earlier one, so at the end it is the state at `head`. undefined: a floor has
   *  risen meanwhile. */
  async #read(): Promise<{ tally: Tally; head: number } | undefined> {
    const floors = await readFloors(this.#connection, this.#schemas);
    const all = { stream: STREAM, subjects: STORE_ALL, headersOnly: true };
    const versions = await readLatest(this.#connection, all, ({ revision, deleted }) => ({ revision, deleted }));
    const head = [...versions.values()].reduce((highest, { revision }) => Math.max(highest, revision), 0);
    // Whatever was purged meanwhile was below a floor that was stated before.
    if (haveRisen(floors, await readFloors(this.#connection, this.#schemas))) return undefined;
    const tally = new Tally();
    for (const [subject, { revision, deleted }] of versions) {
      const { collection } = parseStoreSubject(subject);
      if (isOwn(collection)) continue;
      const counts = !deleted || revision > (floors.get(collection)?.floor ?? 0);
      tally.add({ collection, subject, revision, previous: 0, deleted }, counts);
    }
    return { tally, head };
  }
}

function haveRisen(before: ReadonlyMap<string, StoredFloor>, after: ReadonlyMap<string, StoredFloor>): boolean {
  return [...after].some(([collection, { revision }]) => before.get(collection)?.revision !== revision);
}
