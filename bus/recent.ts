/** The last live changes, in this thread: what has just arrived is read without asking the replica's thread for it. */
import type { Doc } from "../schemas/document.ts";
import type { Change as PublicChange } from "./api.ts";
import type { Row } from "./replica/index.ts";
import type { Change } from "./wire/page.ts";
import { idOf, META, parseStoreSubject } from "./wire/subjects.ts";

const MAX_CHANGES = 1000;
const MAX_BYTES = 16 * 1024 * 1024;

interface Version extends Row {
  collection: string;
  key: string;
  by: number;
  at: string;
}

export class Recent {
  /** In order of their revisions, without a gap; so whoever is at `#from` or later misses nothing. */
  #versions: Version[] = [];
  readonly #last = new Map<string, Version>();
  #from = Number.POSITIVE_INFINITY;
  #bytes = 0;

  /** The next change: its revision follows the last one's. */
  add({ subject, revision, deleted, envelope, body }: Change): void {
    if (this.#from === Number.POSITIVE_INFINITY) this.#from = revision - 1;
    const { collection, token } = parseStoreSubject(subject);
    if (collection !== META && envelope) {
      const id = idOf(token, envelope.id);
      const text = deleted ? null : Buffer.from(body.buffer, body.byteOffset, body.length).toString();
      const version = {
        collection,
        key: `${collection}/${id}`,
        id,
        revision,
        deleted,
        body: text,
        by: envelope.by,
        at: envelope.at,
      };
      this.#versions.push(version);
      this.#last.set(version.key, version);
      this.#bytes += text?.length ?? 0;
    }
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
  get(collection: string, id: string): Row | undefined {
    return this.#last.get(`${collection}/${id}`);
  }

  /** The last change of each document of a collection after a revision; undefined: not all of them are recent. */
  since(collection: string, after: number): PublicChange<Doc>[] | undefined {
    if (after < this.#from) return undefined;
    const begin = this.#versions.findLastIndex(({ revision }) => revision <= after) + 1;
    return this.#versions
      .slice(begin)
      .filter((version) => version.collection === collection && this.#last.get(version.key) === version)
      .map(({ id, revision, deleted, body, by, at }) => {
        const doc = body === null ? undefined : (JSON.parse(body) as Doc);
        return { op: deleted ? "delete" : "put", id, revision, doc, by, at };
      });
  }

  /** Keeps the newer half of what is allowed; never the very last: it alone may be above the limit of bytes. */
  #shrink(): void {
    let keep = 0;
    let bytes = 0;
    for (const { body } of this.#versions.toReversed()) {
      bytes += body?.length ?? 0;
      if (keep >= MAX_CHANGES || (keep > 0 && bytes > MAX_BYTES / 2)) break;
      keep++;
    }
    const dropped = this.#versions.slice(0, this.#versions.length - keep);
    this.#versions = this.#versions.slice(-keep);
    for (const version of dropped) {
      if (this.#last.get(version.key) === version) this.#last.delete(version.key);
      this.#bytes -= version.body?.length ?? 0;
      this.#from = version.revision;
    }
  }
}
