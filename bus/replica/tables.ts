/** The replica's tables, made from the schemas. A row is a document's last version, tombstones included; its key is the revision, so that
 *  "what changed since" is one range of the table. */
import type { Database } from "sql.js";
import { isObject } from "../../schemas/document.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import { formerNames } from "../../schemas/upcast.ts";
import type { Query } from "../api.ts";

export const META_TABLE = "_frontsync";
const OVERLAY = "_overlay";
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1000;

export function createMeta(database: Database): void {
  database.run(`CREATE TABLE IF NOT EXISTS ${META_TABLE} (key TEXT PRIMARY KEY, value TEXT NOT NULL)`);
}

export function createTable(database: Database, collection: string): void {
  database.run(
    `CREATE TABLE IF NOT EXISTS ${quote(collection)} (revision INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, deleted INTEGER NOT NULL, headers TEXT NOT NULL, body TEXT)`,
  );
}

/** An index costs as much as the row for each change, so it is made when a query first uses it, and kept from then on. */
export function createIndex(database: Database, schema: CollectionSchema, fields: readonly string[]): void {
  const name = quote([schema.collection, ...fields].join("."));
  const keys = [...fields.map((field) => fieldValue(schema, field)), "id"].join(", ");
  database.run(`CREATE INDEX IF NOT EXISTS ${name} ON ${quote(schema.collection)} (${keys}) WHERE deleted = 0`);
}

/** A source for a list in which some documents stand in the place of their rows: its name, and the statements that make it. */
export function overlay(collection: string): { name: string; create: string[]; insert: string } {
  const table = quote(collection);
  const kept = `SELECT revision, id, deleted, headers, body FROM ${table} WHERE id NOT IN (SELECT id FROM ${OVERLAY})`;
  return {
    name: `(${kept} UNION ALL SELECT revision, id, body IS NULL, headers, body FROM ${OVERLAY})`,
    create: [
      `CREATE TEMP TABLE IF NOT EXISTS ${OVERLAY} (revision INTEGER, id TEXT PRIMARY KEY, headers TEXT, body TEXT)`,
      `DELETE FROM ${OVERLAY}`,
    ],
    insert: `INSERT INTO ${OVERLAY} VALUES (?, ?, ?, ?)`,
  };
}

export function tablesOf(database: Database): string[] {
  const [result] = database.exec(`SELECT name FROM sqlite_master WHERE type = 'table'`);
  return (result?.values ?? []).map(([name]) => String(name)).filter((name) => name !== META_TABLE);
}

/** A field of the body as the indexes have it, also under its former names: a field that is missing sorts as empty. */
function fieldValue(schema: CollectionSchema, field: string, missing = "''"): string {
  const names = [...formerNames(schema, field), field];
  return `coalesce(${names.map((name) => `json_extract(body, '$."${name}"')`).join(", ")}, ${missing})`;
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

type Key = string | number;
export type Value = Key | Uint8Array;

/** A query as SQL, for `most` rows (default: one more than it asks for), from the collection's table or another source with its columns; `index`:
 *  the fields of the index that gives its rows in its order. Throws UNKNOWN_INDEX for a field that the schema does not index, BAD_MESSAGE for what
 *  is no query. */
export function listStatement(
  schema: CollectionSchema,
  query: Query<Record<string, unknown>>,
  most?: number,
  source = quote(schema.collection),
): { sql: string; values: Value[]; limit: number; sort: string | undefined; index: string[] } {
  checkShape(query);
  const { where = {}, sort, limit = DEFAULT_LIMIT, after } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new FrontsyncError("BAD_MESSAGE", `A list's limit must be 1 to ${MAX_LIMIT}, not ${limit}.`, {
      path: "/limit",
      limit: MAX_LIMIT,
    });
  }
  const conditions = ["deleted = 0"];
  const values: Value[] = [];
  const filters = Object.keys(where).filter((field) => where[field] !== undefined);
  for (const field of filters) {
    conditions.push(`${fieldValue(schema, indexed(schema, field, `/where/${field}`))} = ?`);
    values.push(asValue(where[field], `/where/${field}`));
    // It sorts as empty, and is not.
    if (where[field] === "") conditions.push(`${fieldValue(schema, field, "NULL")} IS NOT NULL`);
  }
  const descending = sort?.startsWith("-") === true;
  const by = sort === undefined ? undefined : indexed(schema, sort.slice(descending ? 1 : 0), "/sort");
  const keys = by === undefined ? ["id"] : [fieldValue(schema, by), "id"];
  if (after !== undefined) {
    const last = readCursor(after, keys.length);
    // The + takes away the affinity of a text: else numbers would be compared as texts.
    const places = last.map((key, at) => (isHex(key, at, keys.length) ? "+CAST(? AS TEXT)" : "?"));
    conditions.push(`(${keys.join(", ")}) ${descending ? "<" : ">"} (${places.join(", ")})`);
    values.push(...last.map((key, at) => (isHex(key, at, keys.length) ? Buffer.from(String(key), "hex") : key)));
  }
  const order = keys.map((key) => `${key} ${descending ? "DESC" : "ASC"}`).join(", ");
  // Only where they say how the body is to be read: they are as long as a small document.
  const headers = schema.version > 1 ? "headers" : "''";
  const columns = `revision, id, ${headers}, body${by === undefined ? "" : `, ${cursorValue(fieldValue(schema, by))}`}`;
  return {
    sql: `SELECT ${columns} FROM ${source} WHERE ${conditions.join(" AND ")} ORDER BY ${order} LIMIT ${most ?? limit + 1}`,
    values,
    limit,
    sort: by,
    index: [...filters.filter((field) => field !== by).sort(), ...(by === undefined ? [] : [by])],
  };
}

/** For callers without types. */
function checkShape(query: unknown): void {
  const { where, sort } = isObject(query) ? query : { where: undefined, sort: undefined };
  const fault =
    (!isObject(query) && ["A query must be an object.", ""]) ||
    (where !== undefined && !isObject(where) && ["A query's `where` must be an object.", "/where"]) ||
    (sort !== undefined && typeof sort !== "string" && ["A query's `sort` must name a field.", "/sort"]);
  if (fault) throw new FrontsyncError("BAD_MESSAGE", fault[0] as string, { path: fault[1] });
}

function indexed(schema: CollectionSchema, field: string, path: string): string {
  if (schema.indexes.includes(field)) return field;
  throw new FrontsyncError(
    "UNKNOWN_INDEX",
    `${schema.collection} is not indexed by '${field.slice(0, 80)}'; it is by ${schema.indexes.join(", ") || "nothing"}.`,
    { path },
  );
}

function asValue(value: unknown, path: string): Key {
  if (typeof value === "string" || Number.isFinite(value)) return value as Key;
  if (typeof value === "boolean") return value ? 1 : 0; // as json_extract gives it
  throw new FrontsyncError("BAD_MESSAGE", "A filter compares with a string, a number or a boolean.", { path });
}

/** A text that was sorted by travels as the hex of its bytes: what sql.js reads of it is not always what SQLite compares. */
function cursorValue(field: string): string {
  return `CASE typeof(${field}) WHEN 'text' THEN hex(${field}) ELSE ${field} END`;
}

function isHex(key: Key, at: number, keys: number): boolean {
  return at < keys - 1 && typeof key === "string";
}

export function writeCursor(keys: readonly Key[]): string {
  return Buffer.from(JSON.stringify(keys)).toString("base64url");
}

function readCursor(after: string, length: number): Key[] {
  try {
    const keys = JSON.parse(Buffer.from(after, "base64url").toString()) as unknown;
    if (Array.isArray(keys) && keys.length === length && keys.every((key) => typeof key === "string" || typeof key === "number"))
      return keys as Key[];
  } catch {
    // said below
  }
  throw new FrontsyncError("BAD_MESSAGE", "`after` is not the `next` of a page of this query.", { path: "/after" });
}
