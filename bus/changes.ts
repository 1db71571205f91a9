/** The changes of collections as an iterator. It keeps no queue: it reads the next changes from the replica when its reader asks, so a slow
 *  reader gets the last change of each document. */
import type { Doc } from "../schemas/document.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import type { CollectionSchema } from "../schemas/index.ts";
import type { Change } from "./api.ts";
import type { Untold } from "./out-of-turn.ts";
import { clock } from "./platform/clock.ts";
import { checkWait, linked } from "./platform/deadline.ts";
import type { Ahead } from "./recent.ts";
import type { Replica, Row } from "./replica/index.ts";
import { asChange } from "./replica/row.ts";
import type { Most } from "./replica/since.ts";
import type { Sight } from "./sight.ts";

/** Each reader that is slow holds so much. */
const READ_AHEAD: Most = { rows: 100, bytes: 64 * 1024 };

export interface ChangesOptions {
  since?: number;
  signal?: AbortSignal;
}

export interface ChangesSource {
  replica(): Replica;
  /** The last versions of these collections' documents after a revision, when all of them are recent. */
  recent(collections: ReadonlySet<string>, after: number, most: Most): Ahead | undefined;
  /** Everything up to this revision has been handed to the replica. */
  held(): number;
  /** Resolves when more is held than `revision`, another store is followed than in that `life`, something is `untold`, or the bus is closed. Throws
   *  INTERNAL when the replica's thread has ended. */
  more(revision: number, life: number, untold: Untold, signal: AbortSignal): Promise<void>;
  /** How many other stores were followed before this one. */
  life(): number;
  /** What changes here otherwise than by following, from now on. */
  outOfTurn(collections: ReadonlySet<string>): Untold;
  /** What is held of a document. */
  row(collection: string, id: string): Promise<Row | undefined>;
  closed(): boolean;
  sight: Sight;
}

/** From the call on, whenever its reader begins; it ends with the signal, with the bus, and with `return`, also while its reader waits. */
export function readChanges<T>(
  source: ChangesSource,
  schemas: readonly CollectionSchema[],
  told: (change: Change<Doc>, schema: CollectionSchema) => T,
  options: ChangesOptions = {},
): AsyncIterableIterator<T> {
  checkWait(options);
  const { since, signal } = options;
  const { controller, release } = linked(signal);
  const changes = tellChanges(source, schemas, told, since ?? source.held(), controller.signal);
  return {
    next() {
      const next = changes.next();
      next.then(({ done }) => done && release(), release);
      return next;
    },
    async return() {
      controller.abort();
      release();
      return await changes.return(undefined);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function* tellChanges<T>(
  source: ChangesSource,
  schemas: readonly CollectionSchema[],
  told: (change: Change<Doc>, schema: CollectionSchema) => T,
  since: number,
  signal: AbortSignal,
): AsyncGenerator<T, undefined> {
  const byName = new Map(schemas.map((schema) => [schema.collection, schema]));
  const untold = source.outOfTurn(new Set(byName.keys()));
  try {
    yield* tellAll(source, byName, told, since, untold, signal);
  } finally {
    untold.close();
  }
}

async function* tellAll<T>(
  source: ChangesSource,
  byName: ReadonlyMap<string, CollectionSchema>,
  told: (change: Change<Doc>, schema: CollectionSchema) => T,
  since: number,
  untold: Untold,
  signal: AbortSignal,
): AsyncGenerator<T, undefined> {
  const names = new Set(byName.keys());
  if (!(Number.isSafeInteger(since) && since >= 0)) {
    throw new FrontsyncError("BAD_MESSAGE", `changes() begins after a revision or 0, not after ${since}.`, { path: "/since" });
  }
  let after = since;
  // From the beginning: first what exists; what was deleted before is no news.
  let existing = after === 0 ? source.held() : 0;
  let see: Awaited<ReturnType<Sight>> | undefined;
  let life = source.life();
  while (!source.closed() && !signal.aborted) {
    // Another store's revisions say nothing here: all of them are news, what was deleted there, too.
    if (life !== source.life()) [life, after, existing] = [source.life(), 0, 0];
    const until = source.held();
    const { changes, more } = source.recent(names, after, READ_AHEAD) ?? (await stored(source.replica, names, after, until));
    if (source.closed()) return;
    // Before the first one, too: who may not read hears it at once.
    if (!see || changes.length > 0) see = await source.sight();
    for (const { collection, row } of changes) {
      const schema = byName.get(collection) as CollectionSchema;
      const change = asChange(schema, row());
      after = change.revision;
      const seen = see(schema, change);
      if (seen && (seen.op === "put" || change.revision > existing)) yield told(seen, schema);
      if (source.closed() || signal.aborted) return;
    }
    if (more) continue;
    after = Math.max(after, until);
    if (untold.pending) see = await source.sight();
    for (const { collection, id } of untold.take()) {
      if (source.closed() || signal.aborted) return;
      const schema = byName.get(collection) as CollectionSchema;
      const row = await source.row(collection, id);
      // Where there is no version that says it, it is as of now.
      const gone = { op: "delete", id, revision: after, doc: undefined, by: 0, at: new Date(clock.now()).toISOString() } as const;
      const seen = see(schema, row ? asChange(schema, row) : gone);
      if (seen) yield told(seen, schema);
    }
    if (life === source.life()) await source.more(after, life, untold, signal);
  }
}

/** The next ones of all of them, in order. */
async function stored(replica: () => Replica, names: ReadonlySet<string>, after: number, until: number): Promise<Ahead> {
  if (until <= after) return { changes: [], more: false };
  const { rows, more } = await replica().call("since", { collections: [...names], after, until, most: READ_AHEAD });
  return { changes: rows.map(({ collection, ...row }) => ({ collection, row: () => row })), more };
}
