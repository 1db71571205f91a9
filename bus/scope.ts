/** Puts together what a collection reads from and writes to. */
import type { Doc } from "../schemas/document.ts";
import type { Schemas } from "../schemas/index.ts";
import type { ActingUser } from "./acting.ts";
import type { Collection } from "./api.ts";
import { type ChangesSource, readChanges } from "./changes.ts";
import { openCollection } from "./collection.ts";
import type { Follow } from "./follow.ts";
import type { Link } from "./link.ts";
import type { Replica, Row } from "./replica/index.ts";
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
  closed(): boolean;
}

/** A collection as somebody sees it; `user` undefined: the system. */
export function collectionOf(parts: ScopeParts, name: string, user: ActingUser | undefined): Collection<Doc> {
  const { schemas, link, writes, waiters, follow, replica, row, checkIn, closed } = parts;
  const life = () => follow().life;
  const more = (revision: number, known: number, signal: AbortSignal) =>
    waiters.until(() => closed() || follow().position.cursor > revision || life() !== known, signal).catch(() => {});
  const changes: Omit<ChangesSource, "sight"> = {
    replica,
    recent: (of, after) => follow().recent.since(of, after),
    held: () => follow().position.cursor,
    more,
    life,
    closed,
  };
  return openCollection(name, {
    user,
    schemas,
    writes,
    replica,
    row,
    changes: (schema, options, sight) => readChanges({ ...changes, sight }, schema, options),
    versions: (schema, id, wait) =>
      readVersions({ link, schemas, state: () => follow().state, checkIn, closed }, schema, id, wait),
  });
}
