/** Bodies that are no longer what was stored, be it by a fault of the memory or of somebody else: at each look one of 64 parts of every table is
 *  compared with the hashes that came with the versions. */
import { bodyIsWhole, type ReplicaDatabase } from "./database.ts";
import type { FoundRow } from "./methods.ts";
import { quote } from "./tables.ts";

export const BUCKETS = 64;

/** Where the next look at a table begins, and what was its last revision at the one before. */
interface Place {
  after: number;
  end: number;
}

export class Bodies {
  readonly #places = new Map<string, Place>();

  /** Looks at the next part of each table, and returns the rows that are damaged. Every row is looked at within 64 calls. */
  look(database: ReplicaDatabase): FoundRow[] {
    return database.collections.flatMap((collection) => this.#lookIn(database, collection));
  }

  /** Round and round in the order of the revisions. What was stored since the last look comes on top of the 64th part: else the end would run
   *  away before a round is over. */
  #lookIn(database: ReplicaDatabase, collection: string): FoundRow[] {
    const table = quote(collection);
    const place = this.#places.get(collection) ?? { after: 0, end: 0 };
    const numbers = `SELECT count(*), coalesce(max(revision), 0), coalesce(sum(revision > ?), 0) FROM ${table} WHERE revision > 0`;
    const [[count, end, added] = []] = [...database.query(numbers, [place.end])] as number[][];
    let left = Math.min(count ?? 0, Math.ceil((count ?? 0) / BUCKETS) + (place.end > 0 ? (added ?? 0) : 0));
    const found: FoundRow[] = [];
    for (let rounds = 0; left > 0 && rounds < 2; rounds++) {
      const rows = `SELECT revision, id, headers, body FROM ${table} WHERE revision > ? ORDER BY revision LIMIT ?`;
      for (const row of database.query(rows, [place.after, left])) {
        const [revision, id, headers, body] = row as [number, string, string, string | null];
        if (!bodyIsWhole(headers, body)) found.push({ collection, id, revision });
        place.after = revision;
        left--;
      }
      if (left > 0) place.after = 0;
    }
    this.#places.set(collection, { after: place.after, end: end ?? 0 });
    return found;
  }
}
