/** One collection, as a webserver reads and writes it. */
import { type Actor, distance, withOwner } from "../schemas/access.ts";
import { sha256 } from "../schemas/digest.ts";
import {
  checkId,
  type Doc,
  documentId,
  encodeJson,
  encodeText,
  isObject,
  isUnplaced,
  makesIds,
  withoutReadOnly,
} from "../schemas/document.ts";
import { asFrontsyncError, FrontsyncError } from "../schemas/errors.ts";
import type { CollectionSchema, Schemas } from "../schemas/index.ts";
import type { ActingUser } from "./acting.ts";
import type { Change, Collection, Entry, NewDoc, Page, Query, Wait, WriteOptions, Written } from "./api.ts";
import type { ChangesOptions } from "./changes.ts";
import { EncodedPut, type WriteBody } from "./outbox/request.ts";
import { checkWait } from "./platform/deadline.ts";
import { toBase32 } from "./platform/random.ts";
import type { Replica, Row } from "./replica/index.ts";
import type { ListedRow, WaitingRow } from "./replica/methods.ts";
import { docOf } from "./replica/row.ts";
import { listStatement } from "./replica/tables.ts";
import { queryable, see, seeVersions } from "./sight.ts";
import { noVersions } from "./versions.ts";
import type { Writes } from "./writes.ts";

/** Writes that putMany has under way at once. */
const PUT_MANY = 64;

/** Documents of one name that find looks at in one go. */
const FIND_PAGE = 100;

export interface CollectionParts {
  /** Who reads and writes; undefined: the system. */
  user: ActingUser | undefined;
  schemas: Schemas;
  writes: Writes;
  /** The replica, when the bus is open; throws CLOSED. */
  replica(): Replica;
  /** The row of a document, also a tombstone. */
  row(collection: string, id: string): Promise<Row | undefined>;
  changes(schema: CollectionSchema, options: ChangesOptions | undefined): AsyncIterableIterator<Change<Doc>>;
  versions(schema: CollectionSchema, id: string, wait: Wait | undefined): Promise<Change<Doc>[]>;
}

export function openCollection(name: string, parts: CollectionParts): Collection<Doc> {
  const { schemas, writes, user } = parts;
  const schema = () => schemas.collection(name);
  const shown = (actor: Actor | undefined, id: string, revision: number, held: Doc | undefined): Entry<Doc> | undefined => {
    const doc = held && see(schema(), actor, held);
    return doc && { id, revision, pending: writes.isPending(name, id), doc };
  };

  function write(
    id: string | undefined,
    body: WriteBody,
    bytes: number,
    mutation: string,
    options: WriteOptions,
  ): Promise<Written> {
    const send = (asked: WriteBody) => writes.write(schema(), id, asked, bytes, mutation, { ...options, by: user?.uid ?? 0 });
    return user ? user.write(schema(), id, body, send, options.ifRevision) : send(body);
  }

  /** The mutation that a write is to be. */
  function begun(options: WriteOptions): string {
    checkWait(options);
    return writes.nextMutationId(options.mutationId);
  }

  async function put(given: NewDoc<Doc>, options: WriteOptions = {}): Promise<Written> {
    if (!isObject(given)) throw new FrontsyncError("SCHEMA_INVALID", `A document of ${name} must be an object.`, { path: "" });
    const mutation = begun(options);
    const doc = withId(schema(), withOwnKey(schema(), withoutReadOnly(schema(), given)), mutation);
    // The datastore gives a new document its place: until then any will do.
    const unplaced = isUnplaced(schema(), doc);
    const id = unplaced ? undefined : documentId(schema(), doc);
    schema().validate(unplaced ? { ...doc, [schema().allocates as string]: 1 } : doc);
    // A copy of what was checked: the caller's own object may change before it is sent.
    const { text, bytes } = encodeText(schema(), doc);
    return await write(id, new EncodedPut(text), bytes, mutation, options);
  }

  /** An owner that is part of the id can't wait until the document before is known. */
  function withOwnKey(of: CollectionSchema, doc: Doc): Doc {
    return user && of.key.includes(of.owner ?? "") ? withOwner(of, user.uid, undefined, doc) : doc;
  }

  /** The documents with writes that are not acknowledged, as they are shown in place of what is held. */
  async function waitingIn(collection: string): Promise<WaitingRow[]> {
    const ids = writes.pendingIn(collection);
    return await Promise.all(
      ids.map(async (id) => {
        const { doc, revision } = await writes.over(schema(), id, () => parts.row(collection, id));
        return { id, revision, body: doc ? JSON.stringify(doc) : null };
      }),
    );
  }

  async function list(query: Query<Doc> = {}): Promise<Page<Doc>> {
    const { collection } = schema();
    const actor = await user?.actor();
    // Told here already: what is no query may not even be something that another thread can be sent.
    const { limit } = listStatement(queryable(schema(), actor), query);
    const waiting = await waitingIn(collection);
    const rows: ListedRow[] = [];
    let { after } = query;
    do {
      const asked = { ...query, ...(after !== undefined && { after }) };
      const part = await parts.replica().call("list", { collection, query: asked, found: rows.length, actor, waiting });
      rows.push(...part.rows);
      after = part.on;
    } while (after !== undefined);
    const items = rows
      .slice(0, limit)
      .map(({ id, revision, headers, body }) => shown(actor, id, revision, docOf(schema(), body, headers)));
    const next = rows.length > limit ? rows[limit - 1]?.cursor : undefined;
    return { items: items.filter((item) => item !== undefined), next };
  }

  async function find(wanted: string): Promise<Entry<Doc> | undefined> {
    const field = schema().name;
    if (field === undefined)
      throw new FrontsyncError("UNKNOWN_INDEX", `The documents of ${name} have no name to be found by.`, { path: "/name" });
    if (typeof wanted !== "string" || wanted === "")
      throw new FrontsyncError("BAD_MESSAGE", "A name must be a string that is not empty.", { path: "/name" });
    const actor = await user?.actor();
    const where = { [field]: wanted };
    if (!actor) return (await list({ where, limit: 1 })).items[0];
    let nearest: { entry: Entry<Doc>; at: number } | undefined;
    let after: string | undefined;
    do {
      const page = await list({ where, limit: FIND_PAGE, ...(after !== undefined && { after }) });
      for (const entry of page.items) {
        const at = distance(schema(), actor, entry.doc);
        if (!nearest || at < nearest.at) nearest = { entry, at };
      }
      after = page.next;
    } while (after !== undefined && nearest?.at !== 0);
    return nearest?.entry;
  }

  return {
    async get(id) {
      const { collection } = schema();
      checkId(id);
      const actor = await user?.actor();
      const { doc, revision } = await writes.over(schema(), id, () => parts.row(collection, id));
      // What waits is kept as it is shown: the caller gets a copy.
      return shown(actor, id, revision, writes.isPending(collection, id) ? structuredClone(doc) : doc);
    },
    list,
    find,
    put,
    async putMany(docs: readonly NewDoc<Doc>[], options: Wait = {}) {
      checkWait(options);
      options.signal?.throwIfAborted();
      if (!Array.isArray(docs)) throw new FrontsyncError("BAD_MESSAGE", "putMany takes an array of documents.", { path: "" });
      const results: (Written | FrontsyncError)[] = new Array(docs.length);
      // Copies of one document come one after the other: the writes of a document keep their order.
      let next = 0;
      const work = async () => {
        for (let at = next++; at < docs.length; at = next++) {
          results[at] = await put(docs[at] as Doc, options).catch((error: unknown) => {
            // What the caller aborted is not a result of one document: it ends the whole call.
            if (options.signal?.aborted && error === options.signal.reason) throw error;
            return asFrontsyncError(error);
          });
        }
      };
      await Promise.all(Array.from({ length: Math.min(PUT_MANY, docs.length) }, work));
      return results;
    },
    async patch(id, merge, options = {}) {
      if (!isObject(merge)) throw new FrontsyncError("BAD_MESSAGE", "A merge patch must be an object.", { path: "" });
      const mutation = begun(options);
      const text = encodeJson(merge, "BAD_MESSAGE", "A merge patch");
      const own = JSON.parse(text) as Doc;
      return await write(checkId(id), { op: "patch", merge: own }, Buffer.byteLength(text), mutation, options);
    },
    async delete(id, options = {}) {
      const mutation = begun(options);
      return await write(checkId(id), { op: "delete" }, 0, mutation, options);
    },
    changes(options) {
      return parts.changes(schema(), options);
    },
    async versions(id, wait = {}) {
      checkWait(wait);
      const of = schema();
      checkId(id);
      await user?.actor();
      const versions = await parts.versions(of, id, wait);
      const told = seeVersions(of, await user?.actor(), versions);
      if (!told) throw noVersions(of, id);
      return told;
    },
  };
}

/** A document without an id gets one; from the mutation's id, so that a retry makes no second document. */
function withId(schema: CollectionSchema, doc: Doc, mutation: string): Doc {
  const field = schema.key[0] as string;
  if (!makesIds(schema) || doc[field] !== undefined) return doc;
  const id = toBase32(sha256(`${schema.collection} ${mutation}`).subarray(0, 16));
  // Where it was named, it was undefined.
  return field in doc ? { ...doc, [field]: id } : { [field]: id, ...doc };
}
