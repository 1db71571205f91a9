/** Bad requests, kind by kind: what no webserver sends, and the codes and the path with which each must be refused. */
import fc from "fast-check";
import type { ErrorCode } from "../../schemas/errors.ts";

export interface BadMessage {
  collection: string;
  verb: "put" | "patch" | "delete" | "batch" | "check-in" | "changes";
  body: string | Uint8Array;
  codes: readonly ErrorCode[];
  /** The path that the answer names, or how it begins. Absent: any. */
  path?: string | RegExp;
  limit?: number;
}

export type Json = Record<string, unknown>;
const write = { mutation: "raw:1", by: 0 };
/** A good request of each function; every one of them is made worse below. */
const GOOD: Record<BadMessage["verb"], Json> = {
  put: { ...write, doc: { id: "new", name: "n" }, base: 0 },
  patch: { ...write, id: "there", merge: { name: "m" }, base: 1, diff: [{ path: "/name", old: "n", new: "m" }] },
  delete: { ...write, id: "there", ifRevision: 1 },
  batch: { writes: [{ collection: "dashboards", put: { ...write, doc: { id: "new", name: "n" } } }] },
  "check-in": { version: "1", state: "synced", pending: 0, intervalMs: 1000, digests: {}, position: { epoch: "e", cursor: 1 } },
  changes: { after: 0 },
};
const REQUIRED = {
  put: ["mutation", "by", "doc"],
  patch: ["mutation", "by", "id", "merge"],
  delete: ["mutation", "by", "id"],
  batch: ["writes"],
  "check-in": ["version", "state", "pending", "intervalMs", "digests"],
  changes: ["after"],
};
export const VERBS = Object.keys(GOOD) as BadMessage["verb"][];
export const WRITES = ["put", "patch", "delete"] as const;

const verb = fc.constantFrom(...VERBS);
export const to = (of: BadMessage["verb"]) => ({
  verb: of,
  collection: of === "put" || of === "patch" || of === "delete" ? "dashboards" : "_",
});
export const request = (of: BadMessage["verb"], changed: Json) => ({
  ...to(of),
  body: JSON.stringify({ ...GOOD[of], ...changed }),
});
export const badMessage = { codes: ["BAD_MESSAGE"] } as const;
export const pointer = (name: string) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
const isNoObject = (value: unknown) => typeof value !== "object" || value === null || Array.isArray(value);
const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
const utf8 = new TextDecoder("utf-8", { fatal: true });
const isText = (bytes: Uint8Array) => {
  try {
    return isJson(utf8.decode(bytes));
  } catch {
    return false;
  }
};

/** A field's own types; what is of another one is wrong. Integers from 0 on, unless said otherwise. */
const TYPES: Record<string, string> = {
  mutation: "string",
  version: "string",
  id: "string",
  state: "string",
  doc: "object",
  merge: "object",
  position: "object",
  digests: "object",
  diff: "array",
  writes: "array",
};
const wrong = (name: string) => {
  const own = TYPES[name] ?? "number";
  const values: [string, fc.Arbitrary<unknown>][] = [
    ["string", fc.string()],
    ["number", fc.double({ noNaN: true, noDefaultInfinity: true })],
    ["boolean", fc.boolean()],
    ["null", fc.constant(null)],
    ["array", fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 3 })],
    ["object", fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 })],
  ];
  const others = values.flatMap(([type, value]) => (type === own ? [] : [value]));
  return fc.oneof(
    ...others,
    ...(own === "number" ? [fc.double({ max: -0.5, noNaN: true, noDefaultInfinity: true }), fc.constant(0.5)] : []),
  );
};

const goodItem = { collection: "dashboards", put: { ...write, doc: { id: "new", name: "n" } } };
const badItem = fc.oneof(
  fc.constantFrom<{ item: unknown; path: string }>(
    { item: { collection: "dashboards" }, path: "" },
    { item: { ...goodItem, delete: GOOD.delete }, path: "" },
    { item: { collection: "dashboards", call: {} }, path: "/call" },
    { item: { put: goodItem.put, patch: GOOD.patch }, path: "/collection" },
    { item: { ...goodItem, collection: "" }, path: "/collection" },
    { item: { ...goodItem, collection: "x".repeat(65) }, path: "/collection" },
    { item: { collection: "dashboards", put: { ...goodItem.put, doc: [] } }, path: "/put/doc" },
    { item: { collection: "dashboards", delete: { ...GOOD.delete, id: "" } }, path: "/delete/id" },
    { item: { collection: "dashboards", patch: { ...GOOD.patch, id: undefined } }, path: "/patch/id" },
    { item: { collection: "dashboards", put: { ...goodItem.put, mutation: "a b" } }, path: "/put/mutation" },
  ),
  fc.constantFrom(null, [], "put", 5, true).map((item) => ({ item, path: "" })),
  fc
    .jsonValue({ maxDepth: 1 })
    .filter(isNoObject)
    .map((put) => ({ item: { collection: "dashboards", put }, path: "/put" })),
);

/** A request with raw JSON text in one place. */
export const withText = (of: BadMessage["verb"], changed: Json, text: string) => {
  const { body, ...rest } = request(of, changed);
  return { ...rest, body: body.replace('"@"', () => text) };
};

/** The kinds that are no request by their shape, by their names. */
export function badShapes(): Record<string, fc.Arbitrary<BadMessage>> {
  const text = verb.map((of) => ({ of, good: JSON.stringify(GOOD[of]) }));
  return {
    "malformed JSON": fc
      .tuple(text, fc.nat(), fc.constantFrom("", ",", "'", "}", "\\", "\u0000", "//", "NaN", "undefined", "\ud800"))
      .map(([{ of, good }, at, junk]) => ({
        ...to(of),
        body: good.slice(0, at % good.length) + junk + (junk ? good.slice(at % good.length) : ""),
        ...badMessage,
        path: "",
      }))
      .filter(({ body }) => !isJson(body)),
    "binary junk": fc
      .tuple(verb, fc.uint8Array({ maxLength: 3000 }))
      .filter(([, body]) => !isText(body))
      .map(([of, body]) => ({ ...to(of), body, ...badMessage, path: "" })),
    "no object": fc
      .tuple(verb, fc.jsonValue().filter(isNoObject))
      .map(([of, value]) => ({ ...to(of), body: JSON.stringify(value), ...badMessage, path: "" })),
    "wrong types": verb.chain((of) =>
      fc
        .constantFrom(...Object.keys(GOOD[of]))
        .chain((name) => wrong(name).map((value) => ({ ...request(of, { [name]: value }), ...badMessage, path: pointer(name) }))),
    ),
    "missing fields": verb.chain((of) =>
      fc.subarray(REQUIRED[of], { minLength: 1 }).map((names) => ({
        ...to(of),
        body: JSON.stringify(Object.fromEntries(Object.entries(GOOD[of]).filter(([name]) => !names.includes(name)))),
        ...badMessage,
        path: pointer(names[0] as string),
      })),
    ),
    "unknown fields": fc
      .tuple(
        verb,
        fc.oneof(fc.string(), fc.constantFrom("ID", "mutationId", "constructor", "a/b~c", "~".repeat(2_000))),
        fc.jsonValue({ maxDepth: 1 }),
      )
      .filter(
        ([of, name]) =>
          !Object.hasOwn(GOOD[of], name) && !["base", "ifRevision", "diff", "externalAddr", "__proto__"].includes(name),
      )
      .map(([of, name, value]) => ({ ...request(of, { [name]: value }), ...badMessage, path: pointer(name).slice(0, 1000) })),
    "batches of what is no write": fc.tuple(fc.nat(19), badItem).map(([at, { item, path }]) => {
      const writes: unknown[] = new Array(20).fill(goodItem);
      writes[at] = item;
      return { ...request("batch", { writes }), ...badMessage, path: `/writes/${at}${path}` };
    }),
    "`__proto__`": fc.tuple(verb, fc.jsonValue({ maxDepth: 1 })).chain(([of, value]) => {
      const own = `{"__proto__":${JSON.stringify(value)}}`;
      const places: BadMessage[] = [
        { ...to(of), body: own, ...badMessage },
        { ...to(of), body: `{"__proto__":${JSON.stringify(GOOD[of])}}`, ...badMessage },
        {
          ...to(of),
          body: JSON.stringify(GOOD[of]).replace("{", () => `{"__proto__":${JSON.stringify(value)},`),
          ...badMessage,
          path: "/__proto__",
        },
        {
          ...withText("put", { doc: { id: "new", name: "n", readers: "@" } }, own),
          codes: ["SCHEMA_INVALID"],
          path: "/readers/__proto__",
        },
        { ...withText("put", { doc: "@" }, `{"__proto__":{"id":"new","name":"n"}}`), codes: ["SCHEMA_INVALID"], path: "/id" },
        { ...withText("check-in", { position: "@" }, own), ...badMessage, path: /^\/position\// },
        { ...withText("check-in", { digests: "@" }, own), ...badMessage, path: /^\/digests\/__proto__/ },
      ];
      return fc.constantFrom(...places);
    }),
  };
}
