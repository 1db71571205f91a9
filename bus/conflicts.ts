/** The conflict copies that are held here: what lost when two changed one document, until somebody resolves or discards it. */
import { sha256 } from "../schemas/digest.ts";
import { type Doc, documentId, encodeJson, isObject } from "../schemas/document.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import type { Schemas } from "../schemas/index.ts";
import type { Collection, Conflict, ConflictCopies, WriteOptions, Written } from "./api.ts";
import { asBuffer } from "./platform/bytes.ts";
import type { Replica, Row } from "./replica/index.ts";
import { decodeRecords } from "./wire/page.ts";
import { storeSubject } from "./wire/subjects.ts";
import type { StoredVersion } from "./wire/version.ts";

const COLLECTION = "conflicts";
const SUBJECTS = storeSubject(COLLECTION, "");
/** Of one list. */
const MAX_LISTED = 1000;
const MAX_LISTED_BYTES = 64 * 1024 * 1024;
/** Copies that are read at once: each may be as large as a document. */
const READ_AHEAD = 20;

export interface ConflictsParts {
  schemas(): Schemas;
  collection(name: string): Collection<Doc>;
  /** Throws CLOSED. */
  replica(): Replica;
  row(collection: string, id: string): Promise<Row | undefined>;
}

/** What is done with the copies, by somebody who sees collections in their own way. */
class Copies implements ConflictCopies {
  readonly #parts: ConflictsParts;

  constructor(parts: ConflictsParts) {
    this.#parts = parts;
  }

  /** At most MAX_LISTED, by their ids. */
  async list(): Promise<Conflict[]> {
    const found: Conflict[] = [];
    let bytes = 0;
    for (let after: string | undefined; ; ) {
      const page = await this.#parts.collection(COLLECTION).list({ limit: READ_AHEAD, ...(after !== undefined && { after }) });
      for (const { doc } of page.items) {
        bytes += JSON.stringify(doc).length;
        if (found.length > 0 && (found.length >= MAX_LISTED || bytes > MAX_LISTED_BYTES)) return found;
        found.push(doc as unknown as Conflict);
      }
      if (page.next === undefined) return found;
      after = page.next;
    }
  }

  /** After a crash between storing and discarding it is called again: the mutation's id is made of the copy and `doc`, so that is stored once. */
  async resolve(id: string, doc: object, { ifRevision }: Pick<WriteOptions, "ifRevision"> = {}): Promise<Written> {
    const copy = (await this.#parts.collection(COLLECTION).get(id))?.doc as unknown as Conflict | undefined;
    if (!copy) throw new FrontsyncError("NOT_FOUND", `There is no conflict copy '${id.slice(0, 80)}'.`, { path: "/id" });
    const { collection, docId } = copy;
    if (isObject(doc) && documentId(this.#parts.schemas().collection(collection), doc) !== docId)
      throw new FrontsyncError(
        "BAD_ID",
        `The conflict is over '${docId.slice(0, 80)}' in ${collection}, not over another document.`,
      );
    const made = sha256(`${id} ${encodeJson(doc, "SCHEMA_INVALID", `A document of ${collection}`)}`);
    const held = ifRevision ?? (await this.#parts.row(collection, docId))?.revision ?? 0;
    const options = { ifRevision: held, mutationId: `resolve:${made.toString("base64url")}` };
    const written = await this.#parts.collection(collection).put(doc as Doc, options);
    await this.discard(id).catch((error: unknown) => {
      if (!(error instanceof FrontsyncError && error.code === "NOT_FOUND")) throw error;
    });
    return written;
  }

  async discard(id: string): Promise<void> {
    await this.#parts.collection(COLLECTION).delete(id);
  }
}

/** Those of the system, counted. */
export class Conflicts extends Copies {
  readonly #parts: ConflictsParts;
  /** The store's subjects of the copies: counted here as they come and go, so that a status costs no query. */
  readonly #held = new Set<string>();
  #counted = 0;
  /** What came while it is read which are held: the answer may not have that. */
  #meanwhile: StoredVersion[] | undefined;

  constructor(parts: ConflictsParts) {
    super(parts);
    this.#parts = parts;
  }

  /** How many are held. */
  get held(): number {
    return this.#held.size;
  }

  /** Begins with what the replica has; again when rows were taken out of it. */
  async load(): Promise<void> {
    const meanwhile: StoredVersion[] = [];
    this.#meanwhile = meanwhile;
    try {
      const ids = await this.#parts.replica().call("ids", COLLECTION);
      this.#held.clear();
      for (const id of ids) this.#held.add(storeSubject(COLLECTION, id));
    } finally {
      if (this.#meanwhile === meanwhile) this.#meanwhile = undefined;
    }
    for (const version of meanwhile) this.note(version);
  }

  note(version: StoredVersion): void {
    const { subject } = version;
    if (!subject.startsWith(SUBJECTS)) return;
    this.#meanwhile?.push(version);
    if (version.deleted) this.#held.delete(subject);
    else this.#held.add(subject);
  }

  /** A page of changes. Most have no copy in them, and are not taken apart. */
  notePage(records: Uint8Array): void {
    if (asBuffer(records).includes(SUBJECTS)) for (const version of decodeRecords(records)) this.note(version);
  }

  /** Whether the number is another one than at the last call. */
  counted(): boolean {
    const before = this.#counted;
    this.#counted = this.held;
    return before !== this.held;
  }

  /** The copies as somebody sees them, by how they see collections. */
  as(collection: (name: string) => Collection<Doc>): ConflictCopies {
    return new Copies({ ...this.#parts, collection });
  }
}
