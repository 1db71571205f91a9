/** A write as it is asked for: what it is based on, as a record of the outbox and as a request. */
import {
  type Doc,
  documentId,
  encodeBody,
  isObject,
  mergePatch,
  noDocument,
  stamp,
  withKept,
  withoutReadOnly,
} from "../../schemas/document.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import { diff } from "../../schemas/merge.ts";
import { type Content, withContent } from "../../schemas/resource.ts";
import type { FieldChange, Messages, OutboxRecord } from "../../schemas/types.ts";
import { upcast, upcastPatch } from "../../schemas/upcast.ts";
import type { Queued } from "../api.ts";
import type { Row } from "../replica/index.ts";
import { liveDoc } from "../replica/row.ts";

/** A request that the merge by field would make larger than this goes without its changes: a stale base is then refused. */
const MAX_DIFF_BYTES = 3 * 1024 * 1024;
const MAX_DIFF = 10_000;
/** A document that is smaller, before and after, has changes that need not be measured. */
const SMALL_BYTES = 100_000;

/** What a write is to do. With a content it is an upload: of a new document, or of one that is there; what it names of it is set as a whole. */
export type WriteBody =
  /** `text`: the document as JSON, where that is held. */
  | { op: "put"; readonly doc: Doc; readonly text?: string | undefined; content?: Content }
  | { op: "patch"; merge: Doc; content?: Content }
  | { op: "delete" };

/** A put of what is there as JSON. It is read when somebody looks at the document: most are sent and acknowledged before. Held is the one or the
 *  other, since many may wait for long. */
export class EncodedPut {
  readonly op = "put";
  #held: string | Doc;

  constructor(text: string) {
    this.#held = text;
  }

  get text(): string | undefined {
    return typeof this.#held === "string" ? this.#held : undefined;
  }

  get doc(): Doc {
    if (typeof this.#held === "string") this.#held = JSON.parse(this.#held) as Doc;
    return this.#held;
  }
}

/** A write that somebody has asked for. */
export interface Wish {
  readonly schema: CollectionSchema;
  /** undefined: of a new document, whose id the datastore gives. */
  readonly id: string | undefined;
  readonly body: WriteBody;
  /** About the size of its body. */
  readonly bytes: number;
  readonly mutation: string;
  /** uid; 0: the system. */
  readonly by: number;
  readonly ifRevision: number | undefined;
  /** RFC 3339. */
  readonly at: string;
  /** With its basis, once that is known. */
  kept?: Kept;
}

/** A write with its basis, as the outbox keeps it. */
export type Kept = OutboxRecord & Required<Pick<OutboxRecord, "mutation" | "collection" | "op" | "by" | "at">>;

/** An upload, as the outbox keeps it. */
export type KeptUpload = Kept & Required<Pick<OutboxRecord, "content">>;

/** What a webserver shows of a document: as it is held, with the writes on top that wait. `doc` undefined: there is none, or it is deleted. */
export interface Shown {
  readonly doc: Doc | undefined;
  /** Of what is held; 0: nothing. */
  readonly revision: number;
}

/** What the first write of a document was made on, and what each has made of it: else a long chain would be worked through at each look. */
const bases = new WeakMap<Wish, Shown>();
const results = new WeakMap<Wish, { on: Doc | undefined; doc: Doc | undefined }>();

/** The document after some writes, one after the other. It is shared: nobody may change it. */
export function shown(schema: CollectionSchema, row: Row | undefined, wishes: readonly Wish[]): Shown {
  const revision = row?.revision ?? 0;
  const [first] = wishes;
  if (!first) return { doc: liveDoc(schema, row), revision };
  const known = bases.get(first);
  const base = known?.revision === revision ? known : { doc: liveDoc(schema, row), revision };
  bases.set(first, base);
  return { doc: wishes.reduce((on, wish) => after(schema, wish, on), base.doc), revision };
}

function after(schema: CollectionSchema, wish: Wish, on: Doc | undefined): Doc | undefined {
  const known = results.get(wish);
  if (known && known.on === on) return known.doc;
  const { body, at, by } = wish;
  const next = applied(schema, body, on);
  const doc = next && stamp(schema, next, { at, created: String(on?.createdAt ?? at), by });
  results.set(wish, { on, doc });
  return doc;
}

function applied(schema: CollectionSchema, body: WriteBody, before: Doc | undefined): Doc | undefined {
  if (body.op === "put")
    return body.content ? withContent(schema, before, body.doc, body.content) : withKept(schema, body.doc, before);
  if (body.op === "delete" || !before) return undefined;
  if (body.content) return withContent(schema, before, body.merge, body.content);
  return withKept(schema, mergePatch(withoutReadOnly(schema, before), body.merge) as Doc, before);
}

/** The write as it is asked. `before`: the document that it was made on, with the writes that still waited then (`chained`: there were some).
 *  `room`: bytes that its single changes may take. */
export function asKept(wish: Wish, row: Row | undefined, before: readonly Wish[], room: number): Kept {
  const { schema, id, body, mutation, by, at, ifRevision } = wish;
  const chained = before.length > 0;
  const { doc, revision } = shown(schema, row, before);
  // Nothing is held: somebody else may just have made it, and the datastore knows.
  const based = id !== undefined && (body.op === "put" || row !== undefined || chained);
  const content = contentOf(body);
  const changes = based && ifRevision === undefined && doc && !content ? singleChanges(wish, doc, room) : undefined;
  const kept: Kept = { kind: "wait", mutation, collection: schema.collection, by, at, op: body.op };
  if (id !== undefined) kept.id = id;
  if (schema.version > 1) kept.schema = schema.version;
  if (body.op === "patch") kept.body = body.merge;
  // Read when it is written to the disk; most never are.
  if (body.op === "put") Object.defineProperty(kept, "body", { enumerable: true, get: () => body.doc });
  if (content) kept.content = { ...content, over: String(doc?.sha256 ?? "") };
  if (based) kept.base = revision;
  if (changes) kept.diff = changes;
  if (ifRevision !== undefined) kept.ifRevision = ifRevision;
  if (chained) kept.chained = chained;
  return kept;
}

/** An edit of a document that is not here. */
export function isOfUnknown({ op, base, ifRevision }: Kept): boolean {
  return op !== "put" && base === undefined && ifRevision === undefined;
}

/** An edit that is to wait is judged by what is shown here: nobody else can. Throws NOT_FOUND, SCHEMA_INVALID, BAD_ID, TOO_LARGE. */
export function checkEdit({ schema, id, body, ifRevision }: Wish, row: Row | undefined, before: readonly Wish[]): void {
  if (id === undefined || body.op === "put") return;
  const { doc } = shown(schema, row, before);
  if (!doc) {
    // One that names a revision may know of a version that is not here yet.
    if (ifRevision !== undefined) return;
    throw noDocument(schema, id);
  }
  if (body.op !== "patch" || body.content) return;
  const next = withoutReadOnly(schema, mergePatch(withoutReadOnly(schema, doc), body.merge) as Doc);
  schema.validate(next);
  if (documentId(schema, next) !== id)
    throw new FrontsyncError(
      "BAD_ID",
      `The edit would change the id of '${id.slice(0, 80)}' in ${schema.collection}; an id stays.`,
    );
  encodeBody(schema, next);
}

/** The edit as its single changes, where the collection merges by field. */
function singleChanges({ schema, body, bytes }: Wish, before: Doc, room: number): FieldChange[] | undefined {
  if (schema.policy !== "merge" || body.op === "delete") return undefined;
  const held = withoutReadOnly(schema, before);
  const next = body.op === "put" ? body.doc : mergePatch(held, body.merge);
  const changes = isObject(next) ? diff(held, next) : [];
  if (changes.length > MAX_DIFF) return undefined;
  if (bytes < SMALL_BYTES && JSON.stringify(held).length < SMALL_BYTES) return changes;
  const size = Buffer.byteLength(JSON.stringify(changes));
  return size < Math.min(MAX_DIFF_BYTES, room - bytes - SMALL_BYTES) ? changes : undefined;
}

/** A write as it is sent: one request of a function, or one of many in a batch. */
export interface WriteRequest {
  collection: string;
  verb: "put" | "patch" | "delete";
  /** The request. */
  json: string;
}

/** The write as a request. `takesSchema`: whether the datastore, which may be an older one, takes `schema`. */
export function asRequest({ body: asked }: Wish, kept: Kept, takesSchema: boolean): WriteRequest {
  const { mutation, collection, id, by, op: verb, base, diff: changes, ifRevision, schema } = kept;
  const common: Omit<Messages["delete.request"], "id"> = { mutation, by };
  if (ifRevision !== undefined) common.ifRevision = ifRevision;
  else if (base !== undefined) common.base = base;
  const edit: Omit<Messages["put.request"], "doc"> = { ...common };
  if (changes) edit.diff = changes;
  if (schema !== undefined && takesSchema) edit.schema = schema;
  const as = <V extends WriteRequest["verb"]>(request: Messages[`${V}.request`]) => JSON.stringify(request);
  if (verb === "put") {
    const text = asked.op === "put" ? asked.text : undefined;
    if (text === undefined) return { collection, verb, json: as<"put">({ ...edit, doc: kept.body ?? {} }) };
    // The text as it is: to read it and to write it again is a good part of what a put costs here.
    return { collection, verb, json: `{"doc":${text},${JSON.stringify(edit).slice(1)}` };
  }
  if (id === undefined) throw new FrontsyncError("BAD_ID", "A document that is changed must have an id.", { path: "/id" });
  if (verb === "patch") return { collection, verb, json: as<"patch">({ ...edit, id, merge: kept.body ?? {} }) };
  return { collection, verb, json: as<"delete">({ ...common, id }) };
}

/** Several of them as one request. */
export function asBatch(writes: readonly WriteRequest[]): string {
  const each = writes.map(({ collection, verb, json }) => `{"collection":${JSON.stringify(collection)},"${verb}":${json}}`);
  return `{"writes":[${each.join(",")}]}`;
}

/** What a kept write was, as the schema has it now. */
export function asWish(schema: CollectionSchema, kept: Kept): Wish {
  const { mutation, id, by, at, op, body = {}, ifRevision, schema: version = 1 } = kept;
  const content = kept.content && { content: { sha256: kept.content.sha256, size: kept.content.size } };
  const what: WriteBody =
    op === "put"
      ? { op, doc: upcast(schema, body, version), ...content }
      : op === "patch"
        ? { op, merge: upcastPatch(schema, body, version), ...content }
        : { op };
  const bytes = op === "delete" ? 0 : Buffer.byteLength(JSON.stringify(body));
  return { schema, id, body: what, bytes, mutation, by, ifRevision, at, kept };
}

/** A write as those who ask what waits are told of it. */
export function asQueued({ mutation, collection, id = "", op, at, by, body, content }: Omit<Kept, "kind">): Queued {
  const { sha256, size } = content ?? {};
  const upload = sha256 !== undefined && size !== undefined && { content: { sha256, size } };
  return { mutationId: mutation, collection, id, op, at, by, body, ...upload };
}

/** The same of one that somebody has just asked for. */
export function queuedWish({ mutation, schema, id, body, at, by }: Wish): Queued {
  const said = body.op === "put" ? body.doc : body.op === "patch" ? body.merge : undefined;
  const content = contentOf(body);
  const what = { ...(id !== undefined && { id }), ...(said && { body: said }), ...(content && { content }) };
  return asQueued({ mutation, collection: schema.collection, op: body.op, at, by, ...what });
}

function contentOf(body: WriteBody): Content | undefined {
  return body.op === "delete" ? undefined : body.content;
}
