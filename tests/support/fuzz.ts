/** Requests from an OpenAPI description: mostly as it says, and some as nobody should send them. */
import fc from "fast-check";

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  items?: Schema;
  required?: string[];
  properties?: Record<string, Schema>;
}

interface Operation {
  operationId: string;
  parameters?: { name: string; in: "path" | "query"; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

export interface Description {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

export interface Route {
  method: string;
  path: string;
  operation: Operation;
}

export interface Asked {
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
}

const NASTY = [
  "",
  " ",
  "..",
  "../../etc/passwd",
  "%2e%2e%2f",
  "a/b",
  "\0",
  "🙂".repeat(30),
  "\ud800",
  "__proto__",
  "constructor",
  "'; DROP TABLE users;--",
  "{{7*7}}",
  "null",
  "-1",
  "1e9",
  "9".repeat(30),
  "me",
  "x".repeat(1025),
  "Infinity",
];
const BAD_BODIES = [
  "",
  "{",
  "[]",
  "null",
  "42",
  '"text"',
  '{"__proto__":{"admin":true}}',
  `${'{"a":'.repeat(3000)}1${"}".repeat(3000)}`,
  "\ufeff{}",
  "a=b&c=d",
  '{"name":"\\ud800"}',
];
const TYPES = [
  "text/plain",
  "application/xml",
  "multipart/form-data; boundary=x",
  "multipart/form-data",
  "application/json; charset=utf-16",
  "",
];
const json = fc.jsonValue({ maxDepth: 2 });
const nasty = fc.constantFrom(...NASTY);

export function routesOf({ paths }: Description): Route[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}

/** `known`: values for a parameter of the path of this name that mean something. */
export function requestOf(
  description: Description,
  { path, operation }: Route,
  known: (name: string) => readonly string[],
): fc.Arbitrary<Asked> {
  const parameters = operation.parameters ?? [];
  const inPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
  const values = inPath.map((name) => mostly(fc.constantFrom(...known(name)), nasty, 3));
  const query = parameters
    .filter((parameter) => parameter.in === "query")
    .map(({ name, schema }) =>
      fc.option(mostly(arbitrary(description, schema), nasty, 4), { freq: 3 }).map((value) => [name, value] as const),
    );
  return fc
    .record({ path: fc.tuple(...values), query: fc.tuple(...query), body: bodyOf(description, operation) })
    .map((drawn) => {
      const at = inPath.reduce((all, name, index) => all.replace(`{${name}}`, encoded(String(drawn.path[index]))), path);
      const asked = drawn.query.flatMap(([name, value]) => (value === null ? [] : [`${name}=${encoded(String(value))}`]));
      return { url: asked.length > 0 ? `${at}?${asked.join("&")}` : at, ...drawn.body };
    });
}

const encoded = (text: string) =>
  encodeURIComponent(text.toWellFormed()).replaceAll(/^\.+$/g, (dots) => "%2E".repeat(dots.length));

const mostly = <T, U>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<U>, weight: number): fc.Arbitrary<T | U> =>
  fc.oneof({ arbitrary: usual, weight }, { arbitrary: other, weight: 1 });

function bodyOf(description: Description, { requestBody }: Operation): fc.Arbitrary<Omit<Asked, "url">> {
  const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  if (type === undefined || content === undefined) return fc.constant({ headers: {}, body: undefined });
  if (type.startsWith("multipart/")) return fc.oneof(form(), garbage());
  const right = mostly(arbitrary(description, content.schema), json, 5).map((value) => ({
    headers: { "content-type": "application/json" },
    body: JSON.stringify(value),
  }));
  return mostly(right, garbage(), 5);
}

const garbage = () =>
  fc.record({
    headers: fc
      .constantFrom("application/json", ...TYPES)
      .map((type): Record<string, string> => (type === "" ? {} : { "content-type": type })),
    body: fc.constantFrom(...BAD_BODIES),
  });

function form(): fc.Arbitrary<Omit<Asked, "url">> {
  const part = fc.tuple(
    fc.constantFrom("file", "file", "file", "other", "__proto__"),
    fc.option(nasty),
    fc.string({ maxLength: 50 }),
  );
  const shown = ([name, filename, text]: [string, string | null, string]) =>
    `--x\r\nContent-Disposition: form-data; name="${name}"${filename === null ? "" : `; filename="${filename.replaceAll(/["\r\n]/g, "")}"`}\r\n\r\n${text}\r\n`;
  return fc.tuple(fc.array(part, { maxLength: 3 }), mostly(fc.constant("--x--\r\n"), fc.constant(""), 4)).map(([parts, end]) => ({
    headers: { "content-type": "multipart/form-data; boundary=x" },
    body: `${parts.map(shown).join("")}${end}`,
  }));
}

function arbitrary(description: Description, schema: Schema): fc.Arbitrary<unknown> {
  const of = (inner: Schema) => arbitrary(description, inner);
  const { $ref, type, items = {}, properties = {}, required = [] } = schema;
  if ($ref !== undefined) return of(description.components.schemas[$ref.slice($ref.lastIndexOf("/") + 1)] ?? {});
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (type === "string") return text(schema);
  if (type === "integer")
    return fc.integer({ min: schema.minimum ?? -10, max: Math.min(schema.maximum ?? 100, (schema.minimum ?? 0) + 100) });
  if (type === "boolean") return fc.boolean();
  if (type === "array") return fc.array(of(items), { maxLength: 3 });
  if (type === "object") {
    const fields = Object.entries(properties).map(([name, property]) => [name, mostly(of(property), json, 12)] as const);
    return fc.record(Object.fromEntries(fields), { requiredKeys: required });
  }
  return json;
}

function text({ format, pattern, maxLength = 20 }: Schema): fc.Arbitrary<string> {
  if (format === "date-time") return mostly(fc.constant("2026-01-02T03:04:05.678Z"), nasty, 4);
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  return mostly(fc.string({ unit: "grapheme", minLength: 1, maxLength: Math.min(20, maxLength) }), nasty, 4);
}
