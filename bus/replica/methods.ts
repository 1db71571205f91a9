/** What the replica's thread can be asked, and what it says by itself. Calls are answered in the order in which they were made, so a read
 *  sees every change that was handed over before it. */
import type { Actor } from "../../schemas/access.ts";
import type { Query } from "../api.ts";
import type { ReplicaPosition } from "./position.ts";
import type { Row } from "./row.ts";
import type { Most, NextRows } from "./since.ts";

export interface ReplicaMethods {
  /** Opens or makes the databases; `setAside` says what could not be used; `back`: there are rows that were set back. */
  open(options: { dir: string; schemas: readonly string[]; known: SharedArrayBuffer }): {
    position: ReplicaPosition;
    back: boolean;
    setAside: string[];
  };
  /** Applies records (bus/wire/page.ts); afterwards the replica stands at `position`. */
  apply(options: { records: Uint8Array; position: ReplicaPosition }): void;
  /** Nothing to apply: only the position moves. */
  move(position: ReplicaPosition): void;
  get(options: { collection: string; id: string }): Row | undefined;
  /** The next documents of a page of which `found` are known, and one more, if there is one: then the page has a next one. With `actor`
   *  only what the actor may read. It reads so many rows and no more: `on`, as `after`, goes on where it stopped. */
  list(options: {
    collection: string;
    query: Query<Record<string, unknown>>;
    found: number;
    actor: Actor | undefined;
    /** What stands in the place of the rows of these documents. */
    waiting: WaitingRow[];
  }): {
    rows: ListedRow[];
    on: string | undefined;
  };
  /** The ids of all documents of a collection. */
  ids(collection: string): string[];
  /** Versions of several collections with a revision above `after` and up to `until`: the next ones in order. */
  since(options: { collections: string[]; after: number; until: number; most: Most }): NextRows;
  /** What there is, for a store that does not know it. */
  holds(options: null): Holds;
  /** The next rows, as records with a buffer of their own; tables one after the other, each in the order of its revisions. */
  offer(after: OfferPlace): { records: Uint8Array; count: number; next: OfferPlace | undefined };
  /** Another store is followed from now on: all rows are set back. */
  setBack(position: ReplicaPosition): void;
  /** Keeps aside what was set back and has not come again. Returns how many rows were kept, with those that others have replaced, and the file. */
  giveUp(options: null): { count: number; file: string };
  /** `fresh`: computed from the rows, not as they are kept. */
  digests(options: { fresh: boolean }): Record<string, string>;
  /** A page of the complete list of a collection, as the store has it (bus/wire/page.ts). */
  listed(options: { collection: string; records: Uint8Array; first: boolean }): void;
  /** Compares a collection with the list that has come, which is complete up to `until`. With `aside` rows that nothing explains are set aside. */
  reconcile(options: { collection: string; until: number; floor: number; aside: boolean }): Reconciled;
  /** Applies records that were asked for, and puts them in the place of damaged rows of their revision. What is behind the replica's position is
   *  left out: it comes by itself. Returns the ids whose body is still not what was stored. */
  repair(options: { collection: string; records: Uint8Array }): string[];
  /** Compares the next of 64 parts of all rows with the hashes of their bodies. Returns the damaged ones. */
  damaged(): FoundRow[];
  /** Makes every table and index anew from its rows, beside a copy of the files as they are. Throws what the file system says. */
  remake(): void;
  /** Writes what is not yet on disk. */
  close(): Promise<void>;
}

/** A version that is held. */
export interface FoundRow {
  collection: string;
  id: string;
  revision: number;
}

/** What a comparison with the store's list has found, and done. */
export interface Reconciled {
  /** Subjects whose versions are to be asked for. */
  missing: string[];
  /** Rows that the store says were deleted. */
  deleted: number;
  aside: FoundRow[];
  /** Rows that the store does not have, and that stay. */
  unexplained: number;
  /** The digest was not the one of the rows. */
  recounted: boolean;
  /** The documents that were deleted. */
  gone: Pick<FoundRow, "collection" | "id">[];
}
export interface Holds {
  documents: number;
  /** The latest commit time; undefined: there is nothing but what a first start makes. */
  newest: string | undefined;
  /** The version of that time, as a record. */
  sample: Uint8Array;
}

/** Behind a row: the number of its table, whether among the rows that were set back, and its revision. */
export interface OfferPlace {
  table: number;
  back: boolean;
  revision: number;
}

export const FIRST_PLACE: OfferPlace = { table: 0, back: true, revision: 0 };

/** A document that is not acknowledged; `body` null: deleted. */
export interface WaitingRow {
  id: string;
  revision: number;
  body: string | null;
}

/** `cursor`: as `after`, goes on behind this row. */
export interface ListedRow {
  id: string;
  revision: number;
  headers: string;
  body: string;
  cursor: string;
}

export type ReplicaCall = {
  [K in keyof ReplicaMethods]: { id: number; method: K; argument: Parameters<ReplicaMethods[K]>[0] };
}[keyof ReplicaMethods];

export type ReplicaMessage =
  | { id: number; result: unknown }
  | { id: number; error: { code: string; message: string; path?: string | undefined; limit?: number | undefined } }
  /** A snapshot failed (with why), or succeeded again. */
  | { event: "snapshot"; failed: string | undefined };
