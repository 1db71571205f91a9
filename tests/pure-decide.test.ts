// Goal: what becomes of an edit is what the design's rules of writing say, in every combination of conflict policy, operation and what is
// there. Method: one table; a row is what is there and what the edit was based on, a column a policy.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bodyHash } from "../bus/wire/envelope.ts";
import { type Current, type Decision, decide, type Edit } from "../functions/commit/decide.ts";
import type { Actor } from "../schemas/access.ts";
import type { Doc } from "../schemas/document.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { type CollectionSchema, loadSchemas } from "../schemas/index.ts";
import { diff } from "../schemas/merge.ts";

type Policy = CollectionSchema["policy"];
type Op = "put" | "patch" | "delete";
const POLICIES = ["last-writer-wins", "reject", "merge"] as const satisfies Policy[];
const NOW = Date.parse("2030-01-01T00:00:00.000Z");
const REVISION = 7;
const schemas = loadSchemas();
const schemaOf = (policy: Policy, limits = { bytes: 4096 }): CollectionSchema => ({
  ...schemas.collection("dashboards"),
  policy,
  limits,
});

const BASE: Doc = { id: "d", name: "as it was", labels: ["a"] };
const MINE: Doc = { ...BASE, name: "mine" };
const THEIRS = { elsewhere: { ...BASE, labels: ["b"] }, same: { ...BASE, name: "theirs" } };

function version(doc: Doc | undefined, at = "2029-01-01T00:00:00.000Z"): Current {
  const body = Buffer.from(
    doc ? JSON.stringify({ ...doc, createdAt: "2028-01-01T00:00:00.000Z", updatedAt: at, lastModifiedBy: 3 }) : "",
  );
  const envelope = { version: "web2.a.1", by: 3, webserver: "web2", at, created: "2028-01-01T00:00:00.000Z", seen: "web2.a=1" };
  return { revision: REVISION, deleted: !doc, body, envelope: { ...envelope, sha256: bodyHash(body), signature: "s" } };
}

const THERE: Record<string, Current | undefined> = {
  nothing: undefined,
  "a tombstone": version(undefined),
  "the base": version(BASE),
  "a change elsewhere": version(THEIRS.elsewhere),
  "a change in the same place": version(THEIRS.same),
};

function edit(op: Op, basis: Partial<Edit>): Edit {
  const what: Edit["what"] = op === "put" ? { op, doc: MINE } : op === "patch" ? { op, merge: { name: "mine" } } : { op };
  return { id: "d", what, mutation: "web1.a.5", by: 4, webserver: "web1", ...basis };
}

/** In one word: written, merged (what both have done), seen, needs-body, or the code of the refusal. */
function outcome(schema: CollectionSchema, asked: Edit, current: Current | undefined): string {
  let decision: Decision;
  try {
    decision = decide(schema, asked, current, NOW);
  } catch (error) {
    assert.ok(error instanceof FrontsyncError, String(error));
    return error.code;
  }
  if (decision.kind !== "write") return decision.kind;
  assert.equal(decision.expected, current?.revision ?? 0, "the write is conditional on what was there");
  const { name, labels } = decision.deleted ? {} : (JSON.parse(Buffer.from(decision.body).toString()) as Doc);
  if (decision.deleted) return "deleted";
  assert.equal(name, "mine");
  return JSON.stringify(labels) === '["b"]' && asked.what.op === "put" ? "merged" : "written";
}

const withDiff = { diff: diff(BASE, MINE) };
const C = "REVISION_CONFLICT";
const N = "NOT_FOUND";
/** operation | what is there | what the edit says of its base | outcomes, one for each policy: last writer wins, reject, merge */
const TABLE: [Op, keyof typeof THERE, Partial<Edit>, [string, string, string]][] = [
  ["put", "nothing", {}, ["written", "written", "written"]],
  ["put", "nothing", { base: 0 }, ["written", "written", "written"]],
  ["put", "nothing", { base: 5 }, ["written", C, C]],
  ["put", "nothing", { base: 5, ...withDiff }, ["written", C, C]],
  ["put", "nothing", { ifRevision: 0 }, ["written", "written", "written"]],
  ["put", "nothing", { ifRevision: 5 }, [C, C, C]],
  ["put", "a tombstone", {}, ["written", "written", "written"]],
  ["put", "a tombstone", { base: 0 }, ["written", "written", "written"]],
  ["put", "a tombstone", { base: REVISION }, ["written", "written", "written"]],
  ["put", "a tombstone", { base: 5 }, ["written", C, C]],
  ["put", "a tombstone", { base: 5, ...withDiff }, ["written", C, C]],
  ["put", "a tombstone", { ifRevision: 0 }, ["written", "written", "written"]],
  ["put", "a tombstone", { ifRevision: REVISION }, ["written", "written", "written"]],
  ["put", "a tombstone", { ifRevision: 5 }, [C, C, C]],
  ["put", "the base", {}, ["written", "written", "written"]],
  ["put", "the base", { base: REVISION }, ["written", "written", "written"]],
  ["put", "the base", { base: REVISION, ...withDiff }, ["written", "written", "written"]],
  ["put", "the base", { ifRevision: REVISION }, ["written", "written", "written"]],
  ["put", "the base", { ifRevision: 0 }, [C, C, C]],
  ["put", "the base", { ifRevision: 5 }, [C, C, C]],
  ["put", "the base", { ifRevision: 5, base: REVISION }, [C, C, C]],
  ["put", "the base", { base: 0 }, ["written", C, C]],
  ["put", "a change elsewhere", { base: 5 }, ["written", C, C]],
  ["put", "a change elsewhere", { base: 5, ...withDiff }, ["written", C, "merged"]],
  ["put", "a change elsewhere", { ifRevision: 5, ...withDiff }, [C, C, C]],
  ["put", "a change in the same place", { base: 5 }, ["written", C, C]],
  ["put", "a change in the same place", { base: 5, ...withDiff }, ["written", C, C]],
  ["patch", "nothing", {}, [N, N, N]],
  ["patch", "nothing", { base: 5, ...withDiff }, [N, N, N]],
  ["patch", "nothing", { ifRevision: 5 }, [N, N, N]],
  ["patch", "a tombstone", {}, [N, N, N]],
  ["patch", "a tombstone", { base: 5, ...withDiff }, [N, N, N]],
  ["patch", "the base", {}, ["written", "written", "written"]],
  ["patch", "the base", { base: REVISION, ...withDiff }, ["written", "written", "written"]],
  ["patch", "the base", { ifRevision: REVISION }, ["written", "written", "written"]],
  ["patch", "the base", { ifRevision: 5 }, [C, C, C]],
  ["patch", "a change elsewhere", { base: 5 }, ["written", C, C]],
  ["patch", "a change elsewhere", { base: 5, ...withDiff }, ["written", C, "written"]],
  ["patch", "a change in the same place", { base: 5, ...withDiff }, ["written", C, C]],
  ["delete", "nothing", {}, [N, N, N]],
  ["delete", "a tombstone", { base: REVISION }, [N, N, N]],
  ["delete", "the base", {}, ["deleted", "deleted", "deleted"]],
  ["delete", "the base", { base: REVISION }, ["deleted", "deleted", "deleted"]],
  ["delete", "the base", { ifRevision: REVISION }, ["deleted", "deleted", "deleted"]],
  ["delete", "the base", { ifRevision: 5 }, [C, C, C]],
  ["delete", "a change elsewhere", { base: 5 }, ["deleted", C, C]],
  ["delete", "a change elsewhere", { base: 5, diff: [] }, ["deleted", C, C]],
];

describe("the rules of writing", () => {
  for (const [op, there, basis, outcomes] of TABLE) {
    const { diff: changes, ...said } = basis;
    it(`${op} on ${there}, ${JSON.stringify(said)}${changes ? " with its changes" : ""}: ${outcomes.join(", ")}`, () => {
      for (const [column, policy] of POLICIES.entries()) {
        const asked = edit(op, basis);
        const current = THERE[there];
        assert.equal(outcome(schemaOf(policy), asked, current), outcomes[column], policy);
        // What a follower knows of it leads to the same, or says that it is not enough.
        const hinted = outcome(schemaOf(policy), asked, current && { ...current, body: undefined });
        if (hinted !== "needs-body" && hinted !== "written") assert.equal(hinted, outcomes[column], `${policy}, by a hint`);
        if (hinted === "written") assert.ok(["written", "merged"].includes(outcomes[column] as string), `${policy}, by a hint`);
      }
    });
  }

  it("store nothing a second time: a mutation that is in there is answered with the revision that has it", () => {
    for (const op of ["put", "patch", "delete"] as const)
      for (const current of [version(undefined), version(THEIRS.same)])
        for (const basis of [{}, { base: 1 }, { ifRevision: 3 }]) {
          const again = { ...edit(op, basis), mutation: "web2.a.1", webserver: "web2" };
          assert.deepEqual(decide(schemaOf("merge"), again, current, NOW), { kind: "seen", revision: REVISION });
        }
  });

  it("let the commit time rise with each version, whatever the clock says", () => {
    const future = "2035-01-01T00:00:00.000Z";
    const decision = decide(schemaOf("merge"), edit("put", {}), version(BASE, future), NOW);
    assert.ok(decision.kind === "write");
    assert.equal(decision.envelope.at, "2035-01-01T00:00:00.001Z");
    const { createdAt, updatedAt, lastModifiedBy } = JSON.parse(Buffer.from(decision.body).toString()) as Doc;
    assert.deepEqual([createdAt, updatedAt, lastModifiedBy], ["2028-01-01T00:00:00.000Z", decision.envelope.at, 4]);
    const reborn = decide(schemaOf("merge"), edit("put", {}), version(undefined, future), NOW);
    assert.ok(reborn.kind === "write" && reborn.envelope.created === reborn.envelope.at, "made anew");
  });

  it("say in the envelope whose version it is, what it holds and what it has seen", () => {
    const decision = decide(schemaOf("merge"), edit("put", {}), version(BASE), NOW);
    assert.ok(decision.kind === "write");
    const { version: id, by, webserver, sha256, seen } = decision.envelope;
    assert.deepEqual([id, by, webserver], ["web1.a.5", 4, "web1"]);
    assert.equal(sha256, bodyHash(decision.body));
    assert.equal(seen, "web2.a=1 web1.a=5");
  });

  it("show in a conflict what is there, and where", () => {
    assert.throws(
      () => decide(schemaOf("merge"), edit("put", { base: 5, ...withDiff }), THERE["a change in the same place"], NOW),
      (error: FrontsyncError) => {
        const { op, id, revision, doc, by, at } = error.current ?? assert.fail();
        assert.deepEqual([error.path, op, id, revision, by, at], ["/name", "put", "d", REVISION, 3, "2029-01-01T00:00:00.000Z"]);
        assert.equal((doc as Doc).name, "theirs");
        return true;
      },
    );
  });

  it("say which version the last writer goes over, where that is to be kept", () => {
    const there = THERE["a change in the same place"] as Current;
    const overwrites = (schema: CollectionSchema, asked: Edit, current: Current | undefined) => {
      const decision = decide(schema, asked, current, NOW);
      return decision.kind === "write" ? decision.overwrites : decision.kind;
    };
    const schema = schemaOf("last-writer-wins");
    for (const op of ["put", "patch", "delete"] as const) assert.equal(overwrites(schema, edit(op, { base: 5 }), there), there);
    assert.equal(overwrites(schema, edit("put", { base: 5 }), { ...there, body: undefined }), "needs-body");
    for (const basis of [{}, { base: REVISION }, { ifRevision: REVISION }])
      assert.equal(overwrites(schema, edit("put", basis), there), undefined);
    assert.equal(overwrites({ ...schema, keepsLosing: false }, edit("put", { base: 5 }), there), undefined);
  });

  it("take a merge that the schema refuses, or that is too large, for a conflict", () => {
    const labels = [{ path: "/labels", old: ["b"], new: [1] }];
    const current = THERE["a change elsewhere"];
    const asked = edit("patch", { base: 5, diff: labels });
    assert.throws(() => decide(schemaOf("merge"), asked, current, NOW), { code: C, path: "/labels/0" });
    const large = edit("put", { base: 5, diff: [{ path: "/description", new: "x".repeat(4000) }] });
    assert.throws(() => decide(schemaOf("merge"), large, current, NOW), { code: C });
    const wrong = edit("put", { base: 5, diff: labels });
    wrong.what = { op: "put", doc: { ...MINE, labels: [1] } };
    assert.throws(() => decide(schemaOf("merge"), wrong, current, NOW), { code: "SCHEMA_INVALID", path: "/labels/0" });
  });

  it("keep an id as it is, and refuse what breaks the schema or the limit", () => {
    const patch = (merge: Doc) => () =>
      decide(schemaOf("merge"), { ...edit("patch", {}), what: { op: "patch", merge } }, version(BASE), NOW);
    assert.throws(patch({ id: "other" }), { code: "BAD_ID", path: "/id" });
    assert.throws(patch({ id: null }), { code: "SCHEMA_INVALID", path: "/id" });
    assert.throws(patch({ name: null }), { code: "SCHEMA_INVALID", path: "/name" });
    assert.throws(patch({ labels: [1] }), { code: "SCHEMA_INVALID", path: "/labels/0" });
    assert.throws(patch({ data: "x".repeat(4096) }), { code: "TOO_LARGE", limit: 4096 });
    const byDiff = { base: 5, diff: [{ path: "/id", old: "d", new: "other" }] };
    assert.throws(() => decide(schemaOf("merge"), edit("put", byDiff), THERE["a change elsewhere"], NOW), { code: "BAD_ID" });
  });
});

describe("an edit by somebody who may write a document", () => {
  const schema = schemaOf("merge");
  const actor = (uid: number): Actor => ({ uid, admin: false, groups: [] });
  const [owner, writer, stranger] = [actor(3), actor(4), actor(5)];
  const base: Doc = { ...BASE, ownerId: owner.uid, readers: { users: [9] }, writers: { users: [writer.uid] } };
  const mine: Doc = { ...base, name: "mine" };
  const put = (doc: Doc, of: Partial<Edit> = {}) =>
    edit("put", { what: { op: "put", doc }, base: REVISION - 1, diff: diff(base, doc), ...of });
  const of = (asked: Edit, there: Doc, by: Actor) => {
    try {
      const decision = decide(schema, asked, version(there), NOW, { actor: by });
      return decision.kind === "write" ? (JSON.parse(Buffer.from(decision.body).toString()) as Doc) : decision.kind;
    } catch (error) {
      assert.ok(error instanceof FrontsyncError, String(error));
      return error.code;
    }
  };

  it("goes together with whom the owner shares it with meanwhile", () => {
    const there = { ...base, readers: { users: [10] } };
    const merged = of(put(mine), there, writer) as Doc;
    assert.deepEqual([merged.name, merged.readers], ["mine", there.readers]);
    assert.equal(of(put(mine, { ifRevision: REVISION - 1 }), there, writer), "REVISION_CONFLICT");
  });

  it("is refused when it says itself who sees it, or the writer is none any more", () => {
    assert.equal(of(put({ ...mine, readers: { users: [] } }), { ...base, labels: ["b"] }, writer), "NOT_ALLOWED");
    assert.equal(of(put({ ...mine, ownerId: writer.uid }), { ...base, labels: ["b"] }, writer), "NOT_ALLOWED");
    assert.equal(of(put(mine), { ...base, writers: {}, readers: { users: [writer.uid] } }, writer), "NOT_ALLOWED");
    assert.equal(of(put(mine), { ...base, writers: {} }, writer), "NOT_FOUND");
    assert.equal(of(put(mine), { ...base, name: "theirs" }, stranger), "NOT_FOUND");
  });

  it("does not make a document global again that an admin has made so no more", () => {
    const global = { ...base, readers: { global: true } };
    const asked = put({ ...global, name: "mine" }, { diff: diff(global, { ...global, name: "mine" }) });
    const merged = of(asked, base, owner) as Doc;
    assert.deepEqual([merged.name, merged.readers], ["mine", base.readers]);
    const again = put({ ...global, labels: ["c"] }, { diff: diff({ ...base, labels: ["a"] }, { ...global, labels: ["c"] }) });
    assert.equal(of(again, { ...base, name: "theirs" }, owner), "GLOBAL_NEEDS_ADMIN");
  });
});
