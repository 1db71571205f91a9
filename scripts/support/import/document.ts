/** From the bytes of a dashboard file to a document, and whether that is what is held already. Pure. */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type Doc, isObject, withoutReadOnly } from "../../../schemas/document.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { CollectionSchema } from "../../../schemas/index.ts";
import type { Dashboard } from "../../../schemas/types.ts";
import { formatBytes } from "../numbers.ts";

const HASH_CHARS = 32;
/** A file may be this much larger than the document that it makes, by its spaces and line ends. */
const FILE_FACTOR = 16;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The largest file that is read at all, in bytes. */
export function fileLimit({ limits }: CollectionSchema): number {
  return limits.bytes * FILE_FACTOR;
}

/** Throws TOO_LARGE for a size above the limit. */
export function assertSize(bytes: number, limit: number, what: string): void {
  if (bytes <= limit) return;
  throw new FrontsyncError("TOO_LARGE", `${what} has ${bytes} bytes; the limit is ${limit} (${formatBytes(limit)}).`, { limit });
}

/** The JSON object in a file. Throws BAD_MESSAGE when it is not JSON, SCHEMA_INVALID when it is not an object. */
export function parseFile(bytes: Uint8Array): Doc {
  let content: unknown;
  try {
    content = JSON.parse(decoder.decode(bytes));
  } catch (cause) {
    throw new FrontsyncError("BAD_MESSAGE", `It is not JSON in UTF-8: ${(cause as Error).message}`, { cause });
  }
  if (!isObject(content))
    throw new FrontsyncError("SCHEMA_INVALID", "A dashboard is a JSON object; this is another value.", { path: "" });
  return content;
}

/** The document for a file: one of our own shape as it is, any other JSON as the `data` of a dashboard with its title, description
 *  and tags. Throws TOO_LARGE with the limit, also for one that is nested too deeply to be written as JSON. */
export function toDashboard(content: Doc, path: string, schema: CollectionSchema): Dashboard {
  const id = fileId(content, path);
  const doc = isOwnShape(content, schema) ? { ...withoutReadOnly(schema, content), id } : wrapped(content, id, path, schema);
  let json: string;
  try {
    json = JSON.stringify(doc);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new FrontsyncError("TOO_LARGE", "Its objects and arrays are nested too deeply.", { cause });
  }
  assertSize(Buffer.byteLength(json), schema.limits.bytes, "The document");
  // As it comes back from the datastore: JSON knows no -0 and no infinite number, and a second run must find nothing to do.
  return JSON.parse(json) as Dashboard;
}

/** The file's own id: `id`, else `uid`, when it is a string that is not empty (other products number their dashboards, each server for
 *  itself); else a hash of where the file is. */
export function fileId({ id, uid }: Doc, path: string): string {
  for (const own of [id, uid]) if (typeof own === "string" && own !== "") return own;
  return createHash("sha256").update(path).digest("hex").slice(0, HASH_CHARS);
}

/** Whether a file is one of our own dashboards: it has a name, and `data` or nothing that we don't know. */
export function isOwnShape(content: Doc, { fields }: CollectionSchema): boolean {
  if (typeof content.name !== "string" || content.name === "") return false;
  return Object.hasOwn(content, "data") || Object.keys(content).every((field) => field === "uid" || Object.hasOwn(fields, field));
}

/** Whether two documents say the same; what only the datastore sets does not count. */
export function isSame(held: object, wanted: object, schema: CollectionSchema): boolean {
  return isDeepStrictEqual(withoutReadOnly(schema, { ...held }), withoutReadOnly(schema, { ...wanted }));
}

function wrapped(content: Doc, id: string, path: string, { fields }: CollectionSchema): Dashboard {
  const file = path.slice(path.lastIndexOf("/") + 1).replace(/\.json$/i, "");
  // Cut to what the schema allows: nothing is lost, `data` holds the whole.
  const cut = (field: string, text: string) => [...text].slice(0, maximum(fields[field], "maxLength")).join("");
  const { title, name, description, tags } = content;
  const doc: Dashboard = { id, name: cut("name", firstText(title, name, file) ?? id), data: content };
  const text = firstText(description);
  if (text !== undefined) doc.description = cut("description", text);
  const labels = (Array.isArray(tags) ? tags : []).filter((tag) => isLabel(tag, fields.labels?.items as Doc | undefined));
  if (labels.length > 0) doc.labels = labels.slice(0, maximum(fields.labels, "maxItems"));
  return doc;
}

function isLabel(tag: unknown, item: Doc | undefined): tag is string {
  return typeof tag === "string" && tag !== "" && [...tag].length <= maximum(item, "maxLength");
}

function firstText(...values: unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === "string" && value !== "");
}

function maximum(schema: Doc | undefined, keyword: "maxLength" | "maxItems"): number {
  const limit = schema?.[keyword];
  return typeof limit === "number" ? limit : Number.POSITIVE_INFINITY;
}
