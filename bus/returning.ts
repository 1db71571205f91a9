/** A webserver that comes back after a while: what was deleted meanwhile, and whose tombstone is collected, it can't learn from the changes. The
 *  floors among them say in which collections that may be so; those are compared with the datastore's list before the catch-up ends. Also a
 *  webserver that holds nothing yet: it may have read a document just before its tombstone was taken away. */

import { FrontsyncError } from "../schemas/errors.ts";
import { asBuffer } from "./platform/bytes.ts";
import { log } from "./platform/log.ts";
import type { ReplicaPosition } from "./replica/index.ts";
import type { Resync } from "./resync.ts";
import { decodeRecords } from "./wire/page.ts";
import { GC, parseStoreSubject, storeSubjects } from "./wire/subjects.ts";

const FLOORS = storeSubjects(GC).slice(0, -1);

export class Returning {
  readonly #resync: Pick<Resync, "collection">;
  /** Every deletion up to here is known here. */
  #from = 0;
  readonly #suspect = new Set<string>();

  constructor(resync: Pick<Resync, "collection">) {
    this.#resync = resync;
  }

  /** Rows may be held that were deleted: the digests say nothing now. */
  get pending(): boolean {
    return this.#suspect.size > 0;
  }

  /** The collections that are to be compared; undefined: none. */
  get suspect(): string[] | undefined {
    return this.pending ? [...this.#suspect] : undefined;
  }

  /** A catch-up begins, or one that a process before this one did not end. */
  begin({ consistent, suspect = [] }: ReplicaPosition): void {
    this.#from = consistent;
    for (const collection of suspect) this.#suspect.add(collection);
  }

  /** A page of changes. Most have no floor in them, and are not taken apart. */
  notePage(records: Uint8Array): void {
    if (!asBuffer(records).includes(FLOORS)) return;
    for (const { subject, body } of decodeRecords(records)) {
      const { collection, token } = parseStoreSubject(subject);
      if (collection !== GC) continue;
      const { floor } = JSON.parse(Buffer.from(body).toString()) as { floor: number };
      if (floor > this.#from) this.#suspect.add(token);
    }
  }

  /** The changes have all been read. Throws what the datastore answers: then it is to be called again. */
  async complete(): Promise<void> {
    for (const collection of this.#suspect) {
      const deleted = await this.#compare(collection);
      this.#suspect.delete(collection);
      log.info({ collection, deleted }, "tombstones were collected while this webserver was away");
    }
  }

  /** Returns how many rows were deleted. */
  async #compare(collection: string): Promise<number> {
    try {
      return (await this.#resync.collection(collection, { aside: false })).deleted;
    } catch (error) {
      // An older datastore lists only what its schemas declare. To wait for the others would be to wait for ever.
      if (!(error instanceof FrontsyncError) || error.code !== "UNKNOWN_COLLECTION") throw error;
      log.warn(
        { collection },
        "the datastore serves a collection no longer: what was deleted from it before that may still be here",
      );
      return 0;
    }
  }
}
