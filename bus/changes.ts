/** The changes of a collection as an iterator. It keeps no queue: it reads the next changes from the replica when its reader asks, so a slow
 *  reader gets the last change of each document. */
import type { Doc } from "../schemas/document.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import type { CollectionSchema } from "../schemas/index.ts";
import type { Change } from "./api.ts";
import type { Replica, Row } from "./replica/index.ts";
import { asChange } from "./replica/row.ts";
import type { Sight } from "./sight.ts";

const READ_AHEAD = 100;

export interface ChangesSource {
  replica(): Replica;
  /** The last versions of a collection's documents after a revision, when all of them are recent. */
  recent(collection: string, after: number): Row[] | undefined;
  /** Everything up to this revision has been handed to the replica. */
  held(): number;
  /** Resolves when more is held than `revision`, another store is followed than in that `life`, or the bus is closed. */
  more(revision: number, life: number, signal: AbortSignal): Promise<void>;
  /** How many other stores were followed before this one. */
  life(): number;
  closed(): boolean;
  sight: Sight;
}

/** From the call on, whenever its reader begins; it ends with the signal, with the bus, and with `return`, also while its reader waits. */
export function readChanges(
  source: ChangesSource,
  schema: CollectionSchema,
  { since, signal }: { since?: number; signal?: AbortSignal } = {},
): AsyncIterableIterator<Change<Doc>> {
  const left = new AbortController();
  const ends = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
  const changes = tellChanges(source, schema, since ?? source.held(), ends);
  return {
    next: () => changes.next(),
    async return() {
      left.abort();
      return await changes.return(undefined);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function* tellChanges(
  source: ChangesSource,
  schema: CollectionSchema,
  since: number,
  signal: AbortSignal,
): AsyncGenerator<Change<Doc>, undefined> {
  if (!(Number.isSafeInteger(since) && since >= 0)) {
    throw new FrontsyncError("BAD_MESSAGE", `changes() begins after a revision or 0, not after ${since}.`, { path: "/since" });
  }
  let after = since;
  // From the beginning: first what exists; what was deleted before is no news.
  const existing = after === 0 ? source.held() : 0;
  let see: Awaited<ReturnType<Sight>> | undefined;
  let life = source.life();
  while (!source.closed() && !signal.aborted) {
    // Another store's revisions say nothing here: all of them are news, what was deleted there, too.
    if (life !== source.life()) [life, after] = [source.life(), 0];
    const until = source.held();
    const recent = source.recent(schema.collection, after);
    const rows = recent ?? (until > after ? await stored(source.replica(), schema.collection, after, until) : []);
    if (source.closed()) return;
    // Before the first one, too: who may not read hears it at once.
    if (!see || rows.length > 0) see = await source.sight();
    for (const row of rows) {
      const change = asChange(schema, row);
      after = change.revision;
      const seen = see(change);
      if (seen && (seen.op === "put" || change.revision > existing)) yield seen;
      if (source.closed() || signal.aborted) return;
    }
    if (!recent && rows.length === READ_AHEAD) continue;
    after = Math.max(after, until);
    if (life === source.life()) await source.more(after, life, signal);
  }
}

async function stored(replica: Replica, collection: string, after: number, until: number): Promise<Row[]> {
  return await replica.call("since", { collection, after, until, limit: READ_AHEAD });
}
