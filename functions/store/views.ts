/** What a rule over several documents looks at: a collection's documents, or some of them, with the revision up to which that is so. A view is
 *  kept, and brought up to date when the follower has heard of a change, or when the store refuses what was decided on it. */
import { KeyedQueue } from "../../bus/platform/keyed-queue.ts";
import { RecentMap } from "../../bus/platform/recent-map.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { readAll, readLast } from "../../bus/wire/reader.ts";
import { STREAM, storeSubjects } from "../../bus/wire/subjects.ts";
import type { Doc } from "../../schemas/document.ts";
import type { CollectionSchema, Schemas } from "../../schemas/index.ts";
import type { Envelope } from "../../schemas/types.ts";
import { docOf } from "./documents.ts";
import { type Follower, MAX_HINTS } from "./follower.ts";

const MAX_VIEWS = 2000;

export function wholeCollection(collection: string): Scope {
  return { collection, key: collection };
}

/** A document's last version; of a tombstone only its envelope is of use. */
export interface Held {
  subject: string;
  revision: number;
  deleted: boolean;
  envelope: Envelope | undefined;
  body: Uint8Array;
  doc: Doc | undefined;
}

/** What a view is of: a whole collection, or single subjects of it (at most 1000). */
export interface Scope {
  readonly collection: string;
  /** Its name among the views. */
  readonly key: string;
  readonly subjects?: readonly string[];
}

/** The documents by their subjects, tombstones included, and the last revision of them all (0: there has never been one). */
export interface View {
  readonly revision: number;
  readonly held: ReadonlyMap<string, Held>;
}

/** Of nothing. */
export const NO_VIEW: View = { revision: 0, held: new Map() };

interface Kept extends View {
  revision: number;
  held: Map<string, Held>;
  /** What the follower had heard of when it was read, in which of its lives, and up to where tombstones were collected. */
  readAt: number;
  life: number;
  floor: number;
}

export class Views {
  readonly #connection: Connection;
  readonly #schemas: Schemas;
  readonly #follower: Follower;
  readonly #views = new RecentMap<string, Kept>(MAX_VIEWS);
  readonly #queue = new KeyedQueue();

  constructor(connection: Connection, schemas: Schemas, follower: Follower) {
    this.#connection = connection;
    this.#schemas = schemas;
    this.#follower = follower;
  }

  /** The documents in a scope. `certain`: as the store has them now, not only as far as this handler has heard. */
  async of(scope: Scope, { certain = false }: { certain?: boolean } = {}): Promise<View> {
    const known = this.#views.get(scope.key);
    this.#follower.settle();
    if (known && !certain && this.#isCurrent(scope, known)) return known;
    return await this.#queue.run(scope.key, () => this.#read(scope));
  }

  /** What this handler has stored, decided on this view: it is the next version after it. In front of a later one, which is not its own, there may be others. */
  stored(scope: Scope, on: View, version: Omit<Held, "doc"> & { isOwn: boolean }): void {
    const kept = this.#views.get(scope.key);
    if (version.isOwn && kept && kept === on) add(this.#schemas.collection(scope.collection), kept, version);
  }

  /** The next reading begins anew: the connection may be to another store, or what was the last revision is no more. */
  forget(): void {
    this.#views.clear();
  }

  /** As far as this handler has heard. The store may not refuse what is decided on an old view of single subjects: another one may be the right one. */
  #isCurrent({ collection, subjects }: Scope, known: Kept): boolean {
    if (known.life !== this.#follower.life || known.floor !== this.#follower.floorOf(collection)) return false;
    if (!subjects) return this.#follower.lastOf(collection) <= known.revision;
    // The follower may have forgotten what is longer ago.
    if (this.#follower.head - known.readAt >= MAX_HINTS) return false;
    return subjects.every((subject) => (this.#follower.hint(subject)?.revision ?? 0) <= (known.held.get(subject)?.revision ?? 0));
  }

  async #read(scope: Scope): Promise<View> {
    const { head: readAt, life } = this.#follower;
    const floor = this.#follower.floorOf(scope.collection);
    const known = this.#views.get(scope.key);
    // Tombstones were collected, or perhaps while nobody listened: one may have been taken away just before it was read, and none of them need be kept.
    const view: Kept =
      known?.floor === floor && known.life === life ? known : { revision: 0, held: new Map(), readAt, life, floor };
    const schema = this.#schemas.collection(scope.collection);
    if (scope.subjects) for (const version of await readLast(this.#connection, scope.subjects)) add(schema, view, version);
    else await this.#readOn(schema, view);
    view.readAt = readAt;
    view.life = life;
    this.#views.set(scope.key, view);
    return view;
  }

  async #readOn(schema: CollectionSchema, view: Kept): Promise<void> {
    const from = view.revision > 0 ? { from: view.revision + 1 } : {};
    const all = { stream: STREAM, subjects: storeSubjects(schema.collection), ...from };
    for await (const versions of readAll(this.#connection, all)) for (const version of versions) add(schema, view, version);
  }
}

function add(schema: CollectionSchema, view: Kept, version: Omit<Held, "doc">): void {
  const { subject, revision, deleted, envelope, body } = version;
  view.revision = Math.max(view.revision, revision);
  if ((view.held.get(subject)?.revision ?? 0) >= revision) return;
  view.held.set(subject, { subject, revision, deleted, envelope, body, doc: docOf(schema, version) });
}
