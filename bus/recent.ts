/** The last live changes, in this thread: what has just arrived is read without asking the replica's thread for it. */
import type { Row } from "./replica/index.ts";
import { rowOf } from "./replica/row.ts";
import { parseStoreSubject } from "./wire/subjects.ts";
import type { StoredVersion } from "./wire/version.ts";

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

  /** The last version of each document of these collections after a revision; undefined: not all of them are recent. */
  since(collections: ReadonlySet<string>, after: number): (Row & { collection: string })[] | undefined {
    if (after < this.#from) return undefined;
    const begin = this.#versions.findLastIndex(({ revision }) => revision <= after) + 1;
    return this.#versions
      .slice(begin)
      .filter((version) => this.#last.get(version.subject) === version)
      .flatMap((version) => {
        const { collection } = parseStoreSubject(version.subject);
        return collections.has(collection) ? [{ ...rowOf(version), collection }] : [];
      });
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
