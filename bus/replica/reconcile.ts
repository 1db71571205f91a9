/** Makes a collection of the replica what the store has, by the store's complete list of it. A row that the list does not have is given up only
 *  when the store says that it was deleted (the floor), or when it has been set aside on the disk. */
import { storeSubject } from "../wire/subjects.ts";
import type { StoredVersion } from "../wire/version.ts";
import type { ReplicaDatabase } from "./database.ts";
import type { FoundRow, Reconciled } from "./methods.ts";
import { setAside } from "./recovery.ts";
import type { Row } from "./row.ts";
import { quote } from "./tables.ts";

/** More unexplained rows than this, and than this share of the collection, are no fault of this replica: the store has lost them, or is another
 *  one. Then none is given up. */
const MOST_ASIDE = { rows: 20, share: 0.2 };
const REASON = "The datastore does not have this version, and does not say that it was deleted.";

/** A list as it comes, page by page: revisions by subject. */
export type Listing = Map<string, { revision: number; deleted: boolean }>;

export function addTo(listing: Listing, page: Iterable<StoredVersion>): void {
  for (const { subject, revision, deleted } of page) listing.set(subject, { revision, deleted });
}

export interface ReconcileOptions {
  dir: string;
  database: ReplicaDatabase;
  collection: string;
  listing: Listing;
  /** The list is complete up to here. */
  until: number;
  floor: number;
  /** How far the replica has read: what the store has behind it comes by itself, and no row can be of behind it. */
  reach: number;
  /** Whether rows that nothing explains are to be set aside; else they stay. */
  aside: boolean;
}

/** Throws what `setAside` throws; then nothing was given up. */
export function reconcile(options: ReconcileOptions): Reconciled {
  const { dir, database, collection, listing, floor, reach, aside } = options;
  const recounted = database.recount(collection);
  database.collect(collection, floor);
  const { explained, unexplained, missing, rows } = compare(options);
  const tooMany = unexplained.length > Math.max(MOST_ASIDE.rows, MOST_ASIDE.share * rows);
  const given = aside && !tooMany ? unexplained : [];
  if (given.length > 0) setAside(dir, REASON, rowsOf(database, collection, given));
  for (const { id, revision } of [...explained, ...given]) database.remove(collection, id, revision);
  // What was set aside may be there in another version.
  for (const { id } of given) {
    const subject = storeSubject(collection, id);
    const listed = listing.get(subject);
    if (listed && listed.revision <= reach) missing.push(subject);
  }
  return {
    missing,
    deleted: explained.length,
    aside: given.map(({ id, revision }) => ({ collection, id, revision })),
    unexplained: unexplained.length - given.length,
    recounted,
    gone: explained.map(({ id }) => ({ collection, id })),
  };
}

function compare({ database, collection, listing, until, floor, reach }: ReconcileOptions) {
  const [explained, unexplained]: FoundRow[][] = [[], []];
  const missing = new Set<string>();
  for (const [subject, { revision }] of listing) if (revision <= reach) missing.add(subject);
  let rows = 0;
  for (const row of database.query(`SELECT revision, id FROM ${quote(collection)} WHERE revision > 0`, [])) {
    const [revision, id] = row as [number, string];
    const subject = storeSubject(collection, id);
    const listed = listing.get(subject);
    rows++;
    if (listed && listed.revision > revision) continue; // a later version: missing, or still to come
    missing.delete(subject);
    const later = revision > until && revision <= reach;
    if (listed?.revision === revision || later) continue;
    (!listed && revision <= floor ? explained : unexplained)?.push({ collection, id, revision });
  }
  return { explained: explained ?? [], unexplained: unexplained ?? [], missing: [...missing], rows };
}

function* rowsOf(
  database: ReplicaDatabase,
  collection: string,
  found: readonly FoundRow[],
): Generator<Row & { collection: string }> {
  for (const { id } of found) {
    const row = database.get(collection, id);
    if (row) yield { collection, ...row };
  }
}
