/** Pure functions on documents: their id, what the datastore sets in them, their bytes. */
import { FrontsyncError } from "./errors.ts";
import type { CollectionSchema } from "./index.ts";

export type Doc = Record<string, unknown>;

/** Bytes of UTF-8. */
export const MAX_ID_BYTES = 1024;
/** Levels of objects and arrays in a document. SQLite, which keeps the replica, reads no JSON deeper than 1000. */
export const MAX_LEVELS = 500;
/** Readers of UTF-8, sql.js among them, take it away at the beginning of a text: the id would come back as another one. */
const BYTE_ORDER_MARK = "\ufeff";
/** Of a path in an error. */
const MAX_STEPS = 10;
/** Characters of an id in an error. */
const MAX_SHOWN = 80;

/** The id, when it can be one. Throws BAD_ID. Ill-formed Unicode is refused because its UTF-8 is that of another id. */
export function checkId(id: unknown): string {
  if (typeof id !== "string" || id === "")
    throw new FrontsyncError("BAD_ID", "An id must be a string of 1 to 1024 bytes.", { path: "/id" });
  if (!id.isWellFormed())
    throw new FrontsyncError("BAD_ID", "An id must be well-formed Unicode; this one has half a surrogate pair.", { path: "/id" });
  if (id.startsWith(BYTE_ORDER_MARK))
    throw new FrontsyncError("BAD_ID", "An id must not begin with a byte order mark (U+FEFF).", { path: "/id" });
  const bytes = Buffer.byteLength(id);
  if (bytes > MAX_ID_BYTES) {
    throw new FrontsyncError("BAD_ID", `An id may have ${MAX_ID_BYTES} bytes of UTF-8; this one has ${bytes}.`, {
      path: "/id",
      limit: MAX_ID_BYTES,
    });
  }
  return id;
}

/** The id that a document's key fields give. Throws BAD_ID, or SCHEMA_INVALID when a key field is missing or of the wrong type. */
export function documentId(schema: CollectionSchema, doc: Doc): string {
  const parts = schema.key.map((field) => {
    const value = doc[field];
    const integer = schema.fields[field]?.type === "integer";
    if (integer ? Number.isSafeInteger(value) : typeof value === "string") return String(value);
    const wanted = integer ? "an integer" : "a string";
    throw new FrontsyncError(
      "SCHEMA_INVALID",
      `A document of ${schema.collection} needs ${wanted} in '${field}': it makes its id.`,
      { path: `/${field}` },
    );
  });
  return checkId(parts.join("/"));
}

/** Of a document that is not there; of one that may not be seen, too: it is the same to whoever asks. */
export function noDocument(schema: CollectionSchema, id: string): FrontsyncError {
  const shown = id.length > MAX_SHOWN ? `${id.slice(0, MAX_SHOWN)}…` : id;
  return new FrontsyncError("NOT_FOUND", `${schema.collection} has no document '${shown}'.`);
}

/** Whether it is a new document, whose place in the collection the datastore gives. */
export function isUnplaced(schema: CollectionSchema, doc: Doc): boolean {
  return schema.allocates !== undefined && doc[schema.allocates] === undefined;
}

/** Whether a document without an id can be given one. */
export function makesIds(schema: CollectionSchema): boolean {
  return schema.key.length === 1 && schema.fields[schema.key[0] as string]?.type === "string";
}

/** A copy without the fields that the datastore sets. */
export function withoutReadOnly(schema: CollectionSchema, doc: Doc): Doc {
  const copy = { ...doc };
  for (const field of schema.readOnly) {
    // Only what is there: a delete makes every later use of the object slow.
    if (field in copy) delete copy[field];
  }
  return copy;
}

/** The document that an edit gives, with what the datastore alone sets in it as it was before. */
export function withKept(schema: CollectionSchema, doc: Doc, before: Doc | undefined): Doc {
  const next = withoutReadOnly(schema, doc);
  for (const field of schema.kept) {
    if (before && field in before) next[field] = before[field];
  }
  return next;
}

/** The fields that say of a version what its envelope says. */
export const STAMPS = ["createdAt", "updatedAt", "lastModifiedBy"];

/** Sets, in place, what the datastore says of a version, in the fields that the schema declares for it. */
export function stamp(schema: CollectionSchema, doc: Doc, version: { at: string; created: string; by: number }): Doc {
  const values: Doc = { createdAt: version.created, updatedAt: version.at, lastModifiedBy: version.by };
  for (const field of schema.readOnly) {
    if (field in values) doc[field] = values[field];
  }
  return doc;
}

/** The document as it is stored. Throws TOO_LARGE with the collection's limit; SCHEMA_INVALID for what JSON can't say. */
export function encodeBody(schema: CollectionSchema, doc: Doc): Buffer {
  return Buffer.from(encodeText(schema, doc).text);
}

/** The same as JSON text, with its length in bytes. */
export function encodeText(schema: CollectionSchema, doc: Doc): { text: string; bytes: number } {
  const text = encodeJson(doc, "SCHEMA_INVALID", `A document of ${schema.collection}`);
  const bytes = Buffer.byteLength(text);
  const limit = schema.limits.bytes;
  if (bytes > limit) {
    throw new FrontsyncError("TOO_LARGE", `A document of ${schema.collection} may have ${limit} bytes; this one has ${bytes}.`, {
      limit,
    });
  }
  return { text, bytes };
}

/** An object as JSON text. Throws `code`, with the path of the fault where there is one, for what JSON can't say or what is nested deeper
 *  than MAX_LEVELS: stored, it would be something else than what was given, or unreadable for a replica. */
export function encodeJson(value: object, code: "SCHEMA_INVALID" | "BAD_MESSAGE", what: string): string {
  try {
    const found = faultIn(value, 1);
    if (!found) return JSON.stringify(value);
    const path = found.steps.map((step) => `/${escapePointer(step)}`);
    throw new FrontsyncError(code, `${what} ${found.why}.`, { path: path.join("") });
  } catch (cause) {
    if (cause instanceof FrontsyncError) throw cause;
    throw new FrontsyncError(code, `${what} can't be written as JSON: ${String(cause)}`, { path: "", cause });
  }
}

/** `steps`: the way to it; a path is shown for its first ones. */
interface Fault {
  why: string;
  steps: string[];
}

/** Every document comes by here twice: nothing is made but for a fault. */
function faultIn(value: unknown, level: number): Fault | undefined {
  if (typeof value === "number" && !Number.isFinite(value))
    return { why: `has a number that JSON can't say (${value})`, steps: [] };
  if (typeof value !== "object" || value === null) return undefined;
  if (level > MAX_LEVELS) return { why: `is nested deeper than ${MAX_LEVELS} levels`, steps: [] };
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const found = faultIn(value[at], level + 1);
      if (found) return behind(String(at), found);
    }
    return undefined;
  }
  for (const name in value) {
    const found = faultIn((value as Doc)[name], level + 1);
    if (found) return behind(name, found);
  }
  return undefined;
}

function behind(step: string, { why, steps }: Fault): Fault {
  return { why, steps: [step, ...steps].slice(0, MAX_STEPS) };
}

/** JSON Merge Patch (RFC 7396) on a copy. Objects are rebuilt, not assigned to, so that a `__proto__` is only a name. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}

export function isObject(value: unknown): value is Doc {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One step of a JSON pointer (RFC 6901). */
export function escapePointer(step: string): string {
  return step.replaceAll("~", "~0").replaceAll("/", "~1");
}
