// Goal: the public API refuses what it can't do with the right code, path, limit and current version; it throws nothing but FrontsyncError,
// and changes nothing. Method: one deployment; every call goes through a bus, and the head is looked at afterwards.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bus, Change, Collection, FrontsyncError, Written } from "../bus/index.ts";
import { encodeBody } from "../schemas/document.ts";
import { loadSchemas } from "../schemas/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";

type Doc = Record<string, unknown>;
const LIMIT = 4 * 1024 * 1024;
const LEVELS = 500;

let deployment: Deployment;
let bus: Bus;
let dashboards: Collection<Doc>;
let there: Written;

before(async () => {
  deployment = await deploy({ webservers: 2 });
  bus = deployment.buses[0] as Bus;
  dashboards = bus.collection("dashboards") as unknown as Collection<Doc>;
  there = await dashboards.put({ id: "there", name: "n", ownerId: 7 });
});
after(async () => await deployment[Symbol.asyncDispose]());

/** All of these calls are refused with this, and nothing is stored. */
async function refused(calls: readonly (() => Promise<unknown>)[], wanted: { code: string; path?: string; limit?: number }) {
  await bus.caughtUp();
  const { head } = bus.status();
  for (const [at, call] of calls.entries()) {
    await assert.rejects(call, { name: "FrontsyncError", ...wanted }, `${at}: ${call}`);
  }
  await bus.caughtUp();
  assert.equal(bus.status().head, head, "nothing was stored");
}

const nested = (levels: number): unknown => Array.from({ length: levels }).reduce((inner) => [inner], 1 as unknown);
const circular: Doc = { name: "n" };
circular.data = { circular };

describe("a write", () => {
  it("of what is no document is SCHEMA_INVALID", async () => {
    const values = [undefined, null, [], [{}], "text", 5, true, () => {}, Symbol("s")];
    await refused(
      values.map((value) => () => dashboards.put(value as unknown as Doc)),
      { code: "SCHEMA_INVALID", path: "" },
    );
    await refused(
      [() => dashboards.patch("there", null as unknown as Doc), () => dashboards.patch("there", [] as unknown as Doc)],
      { code: "BAD_MESSAGE" },
    );
  });

  it("that breaks the schema is SCHEMA_INVALID, with the path", async () => {
    const broken: [Doc, string][] = [
      [{}, "/name"],
      [{ name: 5 }, "/name"],
      [{ name: "" }, "/name"],
      [{ name: "n", id: 5 }, "/id"],
      [{ name: "n", id: null }, "/id"],
      [{ name: "n", ownerId: "7" }, "/ownerId"],
      [{ name: "n", ownerId: 1.5 }, "/ownerId"],
      [{ name: "n", labels: ["a", 1] }, "/labels/1"],
      [{ name: "n", readers: { users: [1], all: true } }, "/readers/all"],
      [{ name: "n", readers: { users: ["1"] } }, "/readers/users/0"],
    ];
    for (const [doc, path] of broken) {
      await refused([() => dashboards.put(doc)], { code: "SCHEMA_INVALID", path });
      if (!("id" in doc) && "name" in doc)
        await refused([() => dashboards.patch("there", doc)], { code: "SCHEMA_INVALID", path });
    }
    const preferences = bus.collection("preferences");
    for (const [doc, path] of [
      [{ name: "prefs" }, "/uid"],
      [{ uid: 1 }, "/name"],
      [{ uid: "1", name: "prefs" }, "/uid"],
      [{ uid: -1, name: "p" }, "/uid"],
    ] as const)
      await refused([() => preferences.put(doc as unknown as Doc)], { code: "SCHEMA_INVALID", path });
  });

  it("of what JSON can't say is refused, not stored as something else", async () => {
    const bad: unknown[] = [circular, 5n, Number.NaN, [Number.POSITIVE_INFINITY], { toJSON: () => { throw new Error("no"); } }, nested(LEVELS)]; // biome-ignore format: short
    await refused(
      bad.map((data) => () => dashboards.put({ name: "n", data })),
      { code: "SCHEMA_INVALID" },
    );
    await refused(
      bad.map((data) => () => dashboards.patch("there", { data })),
      { code: "BAD_MESSAGE" },
    );
    await refused([() => dashboards.put({ name: "n", data: { deep: [1, Number.NaN] } })], {
      code: "SCHEMA_INVALID",
      path: "/data/deep/1",
    });
  });

  it("nested as deep as is allowed is stored and read everywhere; one level more is not stored", async () => {
    const [, other] = deployment.buses as [Bus, Bus];
    const { id, revision } = await dashboards.put({ name: "deep", data: nested(LEVELS - 1) });
    await other.caughtUp(revision);
    assert.deepEqual((await other.collection("dashboards").get(id))?.doc.data, nested(LEVELS - 1));
    await refused([() => dashboards.patch(id, { data: nested(LEVELS) })], { code: "BAD_MESSAGE" });
    assert.deepEqual((await other.digests()).digests, (await bus.digests()).digests);
  });

  it("at the limit is stored, one byte above it is TOO_LARGE", async () => {
    const { id } = await dashboards.put({ name: "large" });
    const stored = (await dashboards.get(id))?.doc as Doc;
    const room = LIMIT - encodeBody(loadSchemas().collection("dashboards"), { ...stored, data: "" }).length;
    await refused([() => dashboards.put({ id, name: "large", data: "x".repeat(room + 1) })], { code: "TOO_LARGE", limit: LIMIT });
    await refused([() => dashboards.patch(id, { data: "é".repeat(room / 2 + 1) })], { code: "TOO_LARGE", limit: LIMIT });
    await refused([() => dashboards.put({ name: "huge", data: "x".repeat(20 * 1024 * 1024) })], {
      code: "TOO_LARGE",
      limit: LIMIT,
    });
    await dashboards.put({ id, name: "large", data: "x".repeat(room) });
    assert.equal(JSON.stringify((await dashboards.get(id))?.doc).length, LIMIT);
  });

  it("of a large document goes over another large one, also where a character takes three bytes", async () => {
    const { id } = await dashboards.put({ name: "large", data: "" });
    for (const character of ["語", "話", "a", "歌"]) {
      const data = character.repeat(character === "a" ? 4_000_000 : 1_390_000);
      const { revision } = await dashboards.put({ id, name: "large", data });
      await dashboards.patch(id, { data: `${data}.` });
      assert.ok((await dashboards.get(id))?.revision === (revision ?? 0) + 1);
    }
  });

  it("with a bad id is BAD_ID", async () => {
    const ids = ["", "x".repeat(1025), "é".repeat(513), "\ud800", "a\udc00b"];
    await refused(
      ids.map((id) => () => dashboards.put({ id, name: "n" })),
      { code: "BAD_ID", path: "/id" },
    );
    for (const id of [...ids, 5, null, undefined, {}, ["there"]] as string[])
      await refused([() => dashboards.patch(id, { name: "n" }), () => dashboards.delete(id), () => dashboards.get(id)], {
        code: "BAD_ID",
        path: "/id",
      });
    await refused([() => dashboards.patch("there", { id: "elsewhere" })], { code: "BAD_ID", path: "/id" });
    await refused([() => bus.collection("preferences").put({ uid: 1, name: "x".repeat(1024) })], { code: "BAD_ID", path: "/id" });
  });

  it("of a collection that no schema declares is UNKNOWN_COLLECTION", async () => {
    for (const name of ["nope", "", "_meta", "Dashboards", "constructor", "dashboards.there", "*"]) {
      const nope = bus.collection(name);
      const calls = [
        () => nope.put({}),
        () => nope.patch("a", {}),
        () => nope.delete("a"),
        () => nope.get("a"),
        () => nope.list(),
      ];
      await refused([...calls, async () => await nope.changes().next()], { code: "UNKNOWN_COLLECTION" });
    }
  });

  it("with another ifRevision is REVISION_CONFLICT, with what is there", async () => {
    const conflict = (op: string, doc?: Doc) => (error: FrontsyncError) => {
      assert.equal(error.code, "REVISION_CONFLICT");
      // As the changes and versions of a collection tell it.
      const told: Change<unknown> | undefined = error.current;
      const { at, doc: current, ...rest } = told ?? assert.fail();
      assert.deepEqual(rest, { op, id: "there", revision: there.revision, by: 0 });
      assert.ok(Date.parse(String(at)) > 0);
      assert.equal((current as Doc | undefined)?.name, doc?.name);
      return true;
    };
    for (const ifRevision of [0, 1, Number.MAX_SAFE_INTEGER]) {
      await assert.rejects(dashboards.put({ id: "there", name: "m" }, { ifRevision }), conflict("put", { name: "n" }));
      await assert.rejects(dashboards.patch("there", { name: "m" }, { ifRevision }), conflict("put", { name: "n" }));
      await assert.rejects(dashboards.delete("there", { ifRevision }), conflict("put", { name: "n" }));
    }
    await assert.rejects(dashboards.put({ id: "none", name: "m" }, { ifRevision: 5 }), {
      code: "REVISION_CONFLICT",
    });
    for (const ifRevision of [-1, 1.5, Number.NaN, "0", null] as number[])
      await refused([() => dashboards.put({ id: "there", name: "m" }, { ifRevision })], {
        code: "BAD_MESSAGE",
        path: "/ifRevision",
      });
  });

  it("of what is not there is NOT_FOUND, also after a delete", async () => {
    const { id } = await dashboards.put({ name: "short-lived" });
    await dashboards.delete(id);
    for (const gone of ["never", id])
      await refused([() => dashboards.patch(gone, { name: "n" }), () => dashboards.delete(gone)], { code: "NOT_FOUND" });
    assert.equal(await dashboards.get(id), undefined);
    const [tombstone] = await dashboards.versions(id);
    await assert.rejects(dashboards.put({ id, name: "n" }, { ifRevision: 5 }), ({ current }: FrontsyncError) => {
      assert.deepEqual(current, tombstone);
      return true;
    });
  });

  it("with a bad mutation id is BAD_MESSAGE", async () => {
    for (const mutationId of ["", "a b", "é", "a=1", "x".repeat(129), 5, null] as string[])
      await refused([() => dashboards.put({ name: "n" }, { mutationId }), () => dashboards.delete("there", { mutationId })], {
        code: "BAD_MESSAGE",
        path: "/mutationId",
      });
  });

  it("of many tells of each, and the good ones are stored", async () => {
    const results = await dashboards.putMany([
      { name: "one" },
      { name: 5 },
      null as unknown as Doc,
      { name: "two" },
      { id: "", name: "n" },
    ]);
    assert.deepEqual(
      results.map((result) => ("code" in result ? result.code : "stored")),
      ["stored", "SCHEMA_INVALID", "SCHEMA_INVALID", "stored", "BAD_ID"],
    );
  });
});
