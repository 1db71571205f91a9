/** Compares a collection of the replica with the datastore's complete list of it, and asks for what is missing or damaged. */
import { FrontsyncError } from "../schemas/errors.ts";
import type { Schemas } from "../schemas/index.ts";
import type { Epochs } from "../schemas/types.ts";
import type { Link } from "./link.ts";
import type { Document } from "./out-of-turn.ts";
import { log } from "./platform/log.ts";
import type { Replica } from "./replica/index.ts";
import type { FoundRow, Reconciled } from "./replica/methods.ts";
import { decodePage } from "./wire/page.ts";
import { idToken, parseStoreSubject } from "./wire/subjects.ts";

const PAGE_TIMEOUT_MS = 10_000;
/** Lists that are begun, while tombstones are collected. */
const MOST_LISTS = 5;
/** Documents that are asked for at once. */
const AT_ONCE = 200;

export interface ResyncParts {
  webserver: string;
  link: Link;
  schemas: Schemas;
  replica: Replica;
  /** What a page says of the store; false: this replica does not belong to it, and nothing may be concluded from it. */
  meet(epochs: Epochs, head: number): boolean;
  /** Hands what has arrived to the replica; from then on it is asked for what this thread held itself. */
  settle(): void;
  /** Rows are others than before; these documents were found to be deleted. */
  done(gone: readonly Document[]): Promise<void>;
}

export class Resync {
  readonly #parts: ResyncParts;
  /** One at a time: the replica's thread keeps one list. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ResyncParts) {
    this.#parts = parts;
  }

  /** `aside`: rows that nothing explains are set aside; else only what the store says was deleted is given up. Throws what the datastore answers,
   *  UNKNOWN_CALL when it is too old to list, HELD when it is another one. */
  collection(collection: string, { aside }: { aside: boolean }): Promise<Reconciled> {
    const running = this.#last.then(() => this.#run(collection, aside));
    this.#last = running.catch(() => {});
    return running;
  }

  /** Asks for the last versions of some documents, and puts them in place. Returns the ids whose body the datastore has no better. */
  async fetch(collection: string, tokens: readonly string[]): Promise<string[]> {
    const { link, schemas, replica, settle } = this.#parts;
    const unfit: string[] = [];
    for (let done = 0; done < tokens.length; ) {
      const asked = tokens.slice(done, done + AT_ONCE);
      const page = await link.ask("rows", collection, { tokens: asked }, PAGE_TIMEOUT_MS);
      const { head, records } = decodePage(schemas, page, "rows.reply");
      this.#meet(head.epochs, head.head);
      settle();
      unfit.push(...(await replica.call("repair", { collection, records: new Uint8Array(records) })));
      done += Math.max(1, head.answered);
    }
    return unfit;
  }

  /** Asks for rows whose body is damaged. Returns the ids that stay so. */
  async bodies(found: readonly FoundRow[]): Promise<string[]> {
    const unfit: string[] = [];
    for (const collection of new Set(found.map((row) => row.collection))) {
      const rows = found.filter((row) => row.collection === collection);
      log.error({ webserver: this.#parts.webserver, collection, rows }, "bodies are not what was stored, and are fetched again");
      const ids = await this.fetch(
        collection,
        rows.map(({ id }) => idToken(id)),
      );
      unfit.push(...ids.map((id) => `${collection}/${id}`));
    }
    return unfit;
  }

  async #run(collection: string, aside: boolean): Promise<Reconciled> {
    const { webserver, replica, settle } = this.#parts;
    const { last, floor } = await this.#list(collection);
    settle();
    const found = await replica.call("reconcile", { collection, until: last, floor, aside });
    const { missing, deleted, unexplained, recounted } = found;
    log.warn(
      { webserver, collection, missing: missing.length, deleted, aside: found.aside, unexplained, recounted },
      "a collection was compared with the datastore's list",
    );
    try {
      await this.fetch(
        collection,
        missing.map((subject) => parseStoreSubject(subject).token),
      );
    } finally {
      await this.#parts.done(found.gone);
    }
    return found;
  }

  /** Reads the list, and hands it to the replica's thread. */
  async #list(collection: string): Promise<{ last: number; floor: number }> {
    const { link, schemas, replica } = this.#parts;
    for (let after = 0, begun: number | undefined, lists = 1; ; ) {
      const page = await link.ask("listing", collection, { after }, PAGE_TIMEOUT_MS);
      const { head, records } = decodePage(schemas, page, "listing.reply");
      const { done, last, floor } = head;
      this.#meet(head.epochs, head.head);
      await replica.call("listed", { collection, records: new Uint8Array(records), first: after === 0 });
      if (!done && last <= after) throw new FrontsyncError("BAD_MESSAGE", "A page of a list ends before it begins.");
      begun ??= floor;
      // Tombstones were collected between two pages: a document may be listed whose tombstone was taken away before it was read.
      const anew = floor !== begun;
      if (anew && ++lists > MOST_LISTS)
        throw new FrontsyncError("TIMEOUT", `${collection} can't be listed while so many tombstones are collected.`);
      if (anew) [after, begun] = [0, undefined];
      else if (done) return { last, floor };
      else after = last;
    }
  }

  #meet(epochs: Epochs, head: number): void {
    if (!this.#parts.meet(epochs, head)) throw new FrontsyncError("HELD", "The datastore is another one now.");
  }
}
