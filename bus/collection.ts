/** One collection, as a webserver reads and writes it. */

import { sha256 } from "../schemas/digest.ts";
import {
  checkId,
  type Doc,
  documentId,
  encodeBody,
  encodeJson,
  isObject,
  makesIds,
  withoutReadOnly,
} from "../schemas/document.ts";
import { asFrontsyncError, FrontsyncError } from "../schemas/errors.ts";
import type { CollectionSchema, Schemas } from "../schemas/index.ts";
import type { Change, Collection, Entry, NewDoc, Page, Query, Wait, WriteOptions, Written } from "./api.ts";
import { toBase32 } from "./platform/random.ts";
import type { Replica, Row } from "./replica/index.ts";
import { docOf } from "./replica/row.ts";
import { listStatement } from "./replica/tables.ts";
import type { Writes } from "./writes.ts";

/** Writes that putMany has under way at once. */
const PUT_MANY = 64;

export interface CollectionParts {
  schemas: Schemas;
  writes: Writes;
  /** The replica, when the bus is open; throws CLOSED. */
  replica(): Replica;
  /** The row of a document, also a tombstone. */
  row(collection: string, id: string): Promise<Row | undefined>;
  changes(
    schema: CollectionSchema,
    options: { since?: number; signal?: AbortSignal } | undefined,
  ): AsyncIterableIterator<Change<Doc>>;
  versions(schema: CollectionSchema, id: string, wait: Wait | undefined): Promise<Change<Doc>[]>;
}

export function openCollection(name: string, parts: CollectionParts): Collection<Doc> {
  const { schemas, writes } = parts;
  const schema = () => schemas.collection(name);

  async function put(given: NewDoc<Doc>, options: WriteOptions = {}): Promise<Written> {
    if (!isObject(given)) throw new FrontsyncError("SCHEMA_INVALID", `A document of ${name} must be an object.`, { path: "" });
    const mutation = writes.nextMutationId(options.mutationId);
    const doc = withId(schema(), withoutReadOnly(schema(), given), mutation);
    const id = documentId(schema(), doc);
    schema().validate(doc);
    const body = encodeBody(schema(), doc);
    // A copy of what was checked: the caller's own object may change before it is sent.
    const own = JSON.parse(body.toString()) as Doc;
    return await writes.write(schema(), id, { op: "put", doc: own }, body.length, mutation, options);
  }

  return {
    async get(id) {
      const collection = schema().collection;
      const row = await parts.row(collection, checkId(id));
      if (!row || row.deleted || row.body === null) return undefined;
      return entry(schema(), row, row.body, writes.isPending(collection, id));
    },
    async list(query: Query<Doc> = {}): Promise<Page<Doc>> {
      const collection = schema().collection;
      // Told here already: what is no query may not even be something that another thread can be sent.
      listStatement(schema(), query);
      const { rows, next } = await parts.replica().call("list", { collection, query });
      return { items: rows.map((row) => entry(schema(), row, row.body, writes.isPending(collection, row.id))), next };
    },
    put,
    async putMany(docs: readonly NewDoc<Doc>[], options: Wait = {}) {
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
      const mutation = writes.nextMutationId(options.mutationId);
      const text = encodeJson(merge, "BAD_MESSAGE", "A merge patch");
      const own = JSON.parse(text) as Doc;
      return await writes.write(schema(), checkId(id), { op: "patch", merge: own }, Buffer.byteLength(text), mutation, options);
    },
    async delete(id, options = {}) {
      const mutation = writes.nextMutationId(options.mutationId);
      return await writes.write(schema(), checkId(id), { op: "delete" }, 0, mutation, options);
    },
    changes: (options) => parts.changes(schema(), options),
    versions: async (id, wait) => await parts.versions(schema(), checkId(id), wait),
  };
}

/** A document without an id gets one; from the mutation's id, so that a retry makes no second document. */
function withId(schema: CollectionSchema, doc: Doc, mutation: string): Doc {
  const field = schema.key[0] as string;
  if (!makesIds(schema) || doc[field] !== undefined) return doc;
  return { [field]: toBase32(sha256(`${schema.collection} ${mutation}`).subarray(0, 16)), ...doc };
}

function entry(
  schema: CollectionSchema,
  { id, revision, headers }: Pick<Row, "id" | "revision" | "headers">,
  body: string,
  pending: boolean,
): Entry<Doc> {
  return { id, revision, pending, doc: docOf(schema, body, headers) };
}
