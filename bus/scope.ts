/** Puts together what a collection reads from and writes to. */
import type { Doc } from "../schemas/document.ts";
import type { Schemas } from "../schemas/index.ts";
import type { ActingUser } from "./acting.ts";
import type { Collection, PlacedChange } from "./api.ts";
import { type ChangesOptions, type ChangesSource, readChanges } from "./changes.ts";
import { openCollection } from "./collection.ts";
import type { Follow } from "./follow.ts";
import type { Link } from "./link.ts";
import type { OutOfTurn, Untold } from "./out-of-turn.ts";
import type { Replica, Row } from "./replica/index.ts";
import { sightOf } from "./sight.ts";
import { readVersions } from "./versions.ts";
import type { Waiters } from "./waiters.ts";
import type { Writes } from "./writes.ts";

export interface ScopeParts {
  link: Link;
  schemas: Schemas;
  writes: Writes;
  waiters: Waiters;
  follow(): Follow;
  /** The replica, when the bus is open; throws CLOSED. */
  replica(): Replica;
  /** The row of a document, also a tombstone. */
  row(collection: string, id: string): Promise<Row | undefined>;
  /** Checks in now; false: nobody answered. */
  checkIn(): Promise<boolean>;
  readonly outOfTurn: OutOfTurn;
  closed(): boolean;
}

/** A collection as somebody sees it; `user` undefined: the system. */
export function collectionOf(parts: ScopeParts, name: string, user: ActingUser | undefined): Collection<Doc> {
  const { schemas, link, writes, follow, replica, row, checkIn, closed } = parts;
  return openCollection(name, {
    user,
    schemas,
    writes,
    replica,
    row,
    changes: (schema, options) => readChanges(sourceOf(parts, user), [schema], (change) => change, options),
    versions: (schema, id, wait) =>
      readVersions({ link, schemas, state: () => follow().state, checkIn, closed }, schema, id, wait),
  });
}

/** The changes of all collections as somebody sees them. */
export function changesOf(
  parts: ScopeParts,
  user: ActingUser | undefined,
  options: ChangesOptions | undefined,
): AsyncIterableIterator<PlacedChange> {
  const all = [...parts.schemas.collections.values()];
  return readChanges(sourceOf(parts, user), all, (change, { collection }) => ({ collection, ...change }), options);
}

function sourceOf({ waiters, follow, replica, row, outOfTurn, closed }: ScopeParts, user: ActingUser | undefined): ChangesSource {
  const life = () => follow().life;
  const more = (revision: number, known: number, untold: Untold, signal: AbortSignal) =>
    waiters
      .until(() => closed() || follow().position.cursor > revision || life() !== known || untold.pending, signal)
      // The waiters are closed with the bus, which ends its readers, or because it can't go on, which they are told.
      .catch((error: unknown) => {
        if (!closed()) throw error;
      });
  return {
    replica,
    recent: (collections, after, most) => follow().recent.since(collections, after, most),
    held: () => follow().position.cursor,
    more,
    life,
    outOfTurn: (collections) => outOfTurn.read(collections),
    row,
    closed,
    sight: sightOf(user),
  };
}
