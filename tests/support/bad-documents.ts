/** Bad requests whose shape is right, or nearly: what they say of a document is not. */
import fc from "fast-check";
import { type BadMessage, badMessage, type Json, pointer, request, to, VERBS, WRITES, withText } from "./bad-messages.ts";

/** What is there before, and stays: a document `there` in dashboards and in notes. */
export interface There {
  revision: { dashboards: number; notes: number };
}

/** A collection with a low limit, so that many documents above it can be sent. */
export const NOTES_LIMIT = 2000;
export const NOTES = {
  $schema: "http://json-schema.org/draft-07/schema#",
  $id: "notes",
  title: "Note",
  type: "object",
  required: ["id", "text"],
  properties: { id: { type: "string", minLength: 1 }, text: { type: "string" }, n: { type: "integer" } },
  additionalProperties: false,
  collection: {
    version: 1,
    database: "webstore",
    key: ["id"],
    indexes: ["n"],
    limits: { bytes: NOTES_LIMIT },
    policy: "reject",
    offline: true,
    retention: { versions: 1 },
  },
};

const badId = fc.oneof(
  fc.constant({ id: "" }),
  fc.integer({ min: 1025, max: 70_000 }).map((length) => ({ id: "x".repeat(length) })),
  fc.integer({ min: 342, max: 1024 }).map((length) => ({ id: "語".repeat(length) })),
  fc
    .tuple(fc.string({ maxLength: 9 }), fc.constantFrom("\ud800", "\udbff", "\udc00", "\udfff"))
    .map(([text, half]) => ({ id: `${half}${text}` })),
  fc
    .jsonValue({ maxDepth: 1 })
    .filter((id) => typeof id !== "string")
    .map((id) => ({ id })),
);

/** Text of JSON that is nested `depth` levels. */
const nested = (depth: number, open: "[" | "{") =>
  open === "[" ? "[".repeat(depth) + "]".repeat(depth) : `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
const deep = fc
  .tuple(fc.integer({ min: 501, max: 30_000 }), fc.constantFrom("[", "{"))
  .map(([depth, open]) => nested(depth, open as "[" | "{"));
/** The kinds, by their names. */
export function badDocuments({ revision }: There): Record<string, fc.Arbitrary<BadMessage>> {
  return {
    "deep nesting": deep.chain((value) => {
      const refused = { codes: ["SCHEMA_INVALID", "BAD_MESSAGE"] as const };
      const places: BadMessage[] = [
        ...VERBS.map((of) => ({ ...to(of), body: value, ...badMessage })),
        ...VERBS.map((of) => ({ ...withText(of, { unknown: "@" }, value), ...badMessage, path: "/unknown" })),
        { ...withText("put", { doc: { id: "new", name: "n", data: "@" } }, value), codes: ["SCHEMA_INVALID"], path: /^\/data\// },
        { ...withText("patch", { merge: { data: "@" }, base: revision.dashboards }, value), ...refused },
        { ...withText("put", { doc: { id: "@", name: "n" } }, value), codes: ["SCHEMA_INVALID"], path: "/id" },
        { ...withText("patch", { id: "@" }, value), ...badMessage, path: "/id" },
      ];
      return fc.constantFrom(...places);
    }),
    "huge numbers": fc
      .constantFrom("1e400", "-1e400", "1e17", "9007199254740993", "-9007199254740993", "-1", "1.0000001", "0.1e-5")
      .chain((number) => {
        const finite = !number.includes("e400");
        const places: BadMessage[] = [
          ...(["base", "ifRevision"] as const).flatMap((name) =>
            WRITES.map((of) => ({ ...withText(of, { [name]: "@" }, number), ...badMessage, path: pointer(name) })),
          ),
          { ...withText("changes", { after: "@" }, number), ...badMessage, path: "/after" },
          { ...withText("check-in", { intervalMs: "@" }, number), ...badMessage, path: "/intervalMs" },
          { ...withText("check-in", { position: { epoch: "e", cursor: "@" } }, number), ...badMessage, path: "/position/cursor" },
          {
            ...withText("put", { doc: { id: "new", name: "n", ownerId: "@" } }, number),
            codes: ["SCHEMA_INVALID"],
            path: "/ownerId",
          },
          ...(finite
            ? []
            : [
                {
                  ...withText("put", { doc: { id: "new", name: "n", data: ["@"] } }, number),
                  codes: ["SCHEMA_INVALID"] as const,
                  path: "/data/0",
                },
              ]),
        ];
        return fc.constantFrom(...places);
      }),
    "unknown collection": fc
      .tuple(
        fc.constantFrom(...WRITES),
        fc.oneof(
          fc.stringMatching(/^[A-Za-z_$=-]{1,100}$/),
          fc.constantFrom("_", "_meta", "Dashboards", "constructor", "__proto__", "é😀", "dashboards=2E"),
        ),
      )
      .filter(([, name]) => name !== "notes")
      .map(([of, collection]) => ({ ...request(of, {}), collection, codes: ["UNKNOWN_COLLECTION"] as const })),
    "stale revision": fc
      .tuple(fc.constantFrom(...WRITES), fc.constantFrom("dashboards", "notes"), fc.oneof(fc.nat(5), fc.maxSafeNat()))
      .filter(([, collection, ifRevision]) => ifRevision !== revision[collection as "notes"])
      .map(([of, collection, ifRevision]) => {
        const doc = collection === "notes" ? { id: "there", text: "t" } : { id: "there", name: "n" };
        return {
          ...request(of, { ...(of === "put" ? { doc } : {}), base: undefined, diff: undefined, ifRevision }),
          collection,
          codes: ["REVISION_CONFLICT"] as const,
        };
      }),
    "bad ids": fc.tuple(fc.constantFrom(...WRITES), badId).map(([of, { id }]) => ({
      ...request(of, of === "put" ? { doc: { id, name: "n" } } : { id }),
      codes: of === "put" ? (["BAD_ID", "SCHEMA_INVALID"] as const) : (["BAD_ID", "BAD_MESSAGE"] as const),
      path: "/id",
    })),
    "bad mutation ids": fc
      .tuple(
        fc.constantFrom(...WRITES),
        fc.oneof(
          fc.string(),
          fc.integer({ min: 129, max: 9000 }).map((length) => "m".repeat(length)),
          fc.constantFrom("a b", "a=1", "~a", "é", "a\n", ""),
        ),
      )
      .filter(([, mutation]) => !/^[A-Za-z0-9_.:-]{1,128}$/.test(mutation))
      .map(([of, mutation]) => ({ ...request(of, { mutation }), ...badMessage, path: "/mutation" })),
    "over the limit": fc
      .tuple(fc.constantFrom("put", "patch"), fc.integer({ min: NOTES_LIMIT, max: 40_000 }))
      .map(([of, length]) => {
        const large = "x".repeat(length);
        const changed =
          of === "put" ? { doc: { id: "new", text: large } } : { merge: { text: large }, base: revision.notes, diff: undefined };
        return { ...request(of as "put", changed), collection: "notes", codes: ["TOO_LARGE"] as const, limit: NOTES_LIMIT };
      }),
    "broken documents": fc
      .constantFrom<[Json, string]>(
        [{ name: "" }, "/name"],
        [{ name: "x".repeat(1025) }, "/name"],
        [{ name: 5 }, "/name"],
        [{ name: undefined }, "/name"],
        [{ ownerId: -1 }, "/ownerId"],
        [{ ownerId: "0" }, "/ownerId"],
        [{ labels: ["a", ""] }, "/labels/1"],
        [{ labels: [[]] }, "/labels/0"],
        [{ labels: new Array(257).fill("a") }, "/labels"],
        [{ readers: { users: [1, 0] } }, "/readers/users/1"],
        [{ writers: { global: "yes" } }, "/writers/global"],
        [{ readers: { everyone: true } }, "/readers/everyone"],
      )
      .chain(([fields, path]) =>
        fc.constantFrom("put", "patch").map((of) => {
          const nulled = Object.fromEntries(
            Object.entries(fields).map(([name, value]) => [name, value === undefined ? null : value]),
          );
          const changed =
            of === "put"
              ? { doc: { id: "new", name: "n", ...fields } }
              : { merge: nulled, base: revision.dashboards, diff: undefined };
          return { ...request(of as "put", changed), codes: ["SCHEMA_INVALID"] as const, path };
        }),
      ),
  };
}

/** Batches of such writes, each of which is refused for itself. */
export function badBatches(there: There): fc.Arbitrary<BadMessage[]> {
  const {
    "unknown collection": unknown,
    "stale revision": stale,
    "over the limit": large,
    "broken documents": broken,
  } = badDocuments(there);
  const kinds = [unknown, stale, large, broken].filter((kind) => kind !== undefined);
  const short = fc.oneof(...kinds).filter(({ collection }) => collection.length > 0 && collection.length <= 64);
  return fc.array(short, { minLength: 1, maxLength: 8 });
}

/** Bad writes as one message. */
export function batchOf(writes: readonly BadMessage[]): string {
  return JSON.stringify({
    writes: writes.map(({ collection, verb, body }) => ({ collection, [verb]: JSON.parse(String(body)) as Json })),
  });
}
