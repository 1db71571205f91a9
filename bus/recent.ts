/** The last live changes, in this thread: what has just arrived is read without asking the replica's thread for it. */
import type { Row } from "./replica/index.ts";
import { rowOf } from "./replica/row.ts";
import type { Most } from "./replica/since.ts";
import { parseStoreSubject } from "./wire/subjects.ts";
import type { StoredVersion } from "./wire/version.ts";

/** A row that is made when it is told, and the collection that it is of. */
export interface Placed {
  collection: string;
  row(): Row;
}

/** In order of their revisions; `more`: there may be others behind them. */
export interface Ahead {
  changes: Placed[];
  more: boolean;
}

const MAX_CHANGES = 1000;
const MAX_BYTES = 16 * 1024 * 1024;

export class Recent {
  /** In order of their revisions, without a gap; so whoever is at `#from` or later misses nothing. */
  #versions: StoredVersion[] = [];
  readonly #last = new Map<string, StoredVersion>();
  #from = Number.POSITIVE_INFINITY;
  #bytes = 0;

  /** The next change: its revision follows the last one's. */
  add(version: StoredVersion): void {
    if (this.#from === Number.POSITIVE_INFINITY) this.#from = version.revision - 1;
    this.#versions.push(version);
    this.#last.set(version.subject, version);
    this.#bytes += version.bodyLength;
    if (this.#versions.length > 2 * MAX_CHANGES || this.#bytes > MAX_BYTES) this.#shrink();
  }

  /** Changes come another way now. */
  clear(): void {
    this.#versions = [];
    this.#last.clear();
    this.#from = Number.POSITIVE_INFINITY;
    this.#bytes = 0;
  }

  /** The document's last version, if it is among the recent ones. */
  get(subject: string): Row | undefined {
    const version = this.#last.get(subject);
    return version && rowOf(version);
  }

  /** The last version of each document of these collections after a revision: the next ones, up to a limit; undefined: not all of them are
   *  recent. They are not copied: whoever holds them holds nothing of their own. */
  since(collections: ReadonlySet<string>, after: number, most: Most): Ahead | undefined {
    if (after < this.#from) return undefined;
    const begin = this.#versions.findLastIndex(({ revision }) => revision <= after) + 1;
    const changes: Placed[] = [];
    let bytes = 0;
    for (let at = begin; at < this.#versions.length; at++) {
      const version = this.#versions[at] as StoredVersion;
      const { collection } = parseStoreSubject(version.subject);
      if (!collections.has(collection) || this.#last.get(version.subject) !== version) continue;
      bytes += version.bodyLength;
      if (changes.length > 0 && (changes.length >= most.rows || bytes > most.bytes)) return { changes, more: true };
      changes.push({ collection, row: () => rowOf(version) });
    }
    return { changes, more: false };
  }

  /** Keeps the newer half of what is allowed; never the very last: it alone may be above the limit of bytes. */
  #shrink(): void {
    let keep = 0;
    let bytes = 0;
    for (const { bodyLength } of this.#versions.toReversed()) {
      bytes += bodyLength;
      if (keep >= MAX_CHANGES || (keep > 0 && bytes > MAX_BYTES / 2)) break;
      keep++;
    }
    const dropped = this.#versions.slice(0, this.#versions.length - keep);
    this.#versions = this.#versions.slice(-keep);
    for (const version of dropped) {
      if (this.#last.get(version.subject) === version) this.#last.delete(version.subject);
      this.#bytes -= version.bodyLength;
      this.#from = version.revision;
    }
  }
}
