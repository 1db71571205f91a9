// Goal: a document of any older schema version is read as the current schema has it, and an edit of it is stored as that; faulty steps are
// told when the schema is loaded. Method: one collection of version 3, whose steps rename, add and remove; then each fault a step can have.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { decide, type Edit } from "../functions/commit/decide.ts";
import type { Doc } from "../schemas/document.ts";
import { type CollectionSchema, loadSchemas } from "../schemas/index.ts";
import { formerNames, upcast, upcastDiff, upcastPatch } from "../schemas/upcast.ts";
import { taskSchema } from "./support/evolving.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const steps = [
  { from: 1, rename: { caption: "heading" }, defaults: { priority: 3, tags: [] } },
  { from: 2, rename: { heading: "title" }, remove: ["color"] },
];
const FIELDS = { title: { type: "string" }, priority: { type: "integer" }, tags: { type: "array" } };
const schema = { version: 3, upcast: steps } as unknown as CollectionSchema;

describe("a document of an older schema version", () => {
  it("gets every step from its own version on, and none before", () => {
    const doc = { id: "t", caption: "c", color: "red", extra: { caption: 1 } };
    assert.deepEqual(upcast(schema, doc, 1), { id: "t", title: "c", extra: { caption: 1 }, priority: 3, tags: [] });
    assert.deepEqual(upcast(schema, { id: "t", heading: "h", caption: "own" }, 2), { id: "t", title: "h", caption: "own" });
    for (const version of [3, 4]) assert.equal(upcast(schema, doc, version), doc, "the current one and newer ones stay");
    assert.deepEqual(doc, { id: "t", caption: "c", color: "red", extra: { caption: 1 } }, "what is given is not changed");
    const tags = upcast(schema, {}, 1).tags as string[];
    tags.push("mine");
    assert.deepEqual(upcast(schema, {}, 1).tags, [], "a default is nobody's");
  });

  it("keeps what it has instead of a default, and of two names of one field the older webserver's", () => {
    assert.equal(upcast(schema, { priority: 1 }, 1).priority, 1);
    assert.deepEqual(upcast(schema, { title: "carried along", heading: "just written" }, 2), { title: "just written" });
  });

  it("is patched and merged under the new names", () => {
    assert.deepEqual(upcastPatch(schema, { caption: "x", color: null, tags: ["a"] }, 1), { title: "x", tags: ["a"] });
    assert.deepEqual(upcastPatch(schema, { caption: null }, 1), { title: null });
    const diff = [
      { path: "/caption", old: "a", new: "b" },
      { path: "/color", new: "red" },
      { path: "/a~1b/caption", new: 1 },
    ];
    const expected = [{ path: "/title", old: "a", new: "b" }, diff[2]];
    assert.deepEqual(upcastDiff(schema, diff, 1), expected);
    assert.equal(upcastDiff(schema, undefined, 1), undefined);
  });

  it("is known by the former names of its fields", () => {
    assert.deepEqual(formerNames(schema, "title"), ["heading", "caption"]);
    assert.deepEqual(formerNames(schema, "priority"), []);
  });

  it("is stored as the current version by an edit, whose envelope says so", (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, "tasks.json"), taskSchema({ version: 3, upcast: steps, fields: FIELDS }));
    const tasks = loadSchemas([folder]).collection("tasks");
    const body = Buffer.from(JSON.stringify({ id: "t", caption: "c", color: "red", unknown: 1 }));
    const envelope = {
      version: "w.a.1",
      by: 1,
      webserver: "w",
      at: "2030-01-01T00:00:00.000Z",
      created: "2030-01-01T00:00:00.000Z",
      sha256: "",
      seen: "",
      signature: "",
    };
    const edit: Edit = { id: "t", what: { op: "patch", merge: { priority: 5 } }, mutation: "w.a.2", by: 1, webserver: "w" };
    const stored = (schemaVersion?: number) => {
      const current = {
        revision: 7,
        deleted: false,
        body,
        envelope: { ...envelope, ...(schemaVersion && { schema: schemaVersion }) },
      };
      const decision = decide(tasks, edit, current, 0);
      assert.ok(decision.kind === "write");
      const {
        createdAt: _c,
        updatedAt: _u,
        lastModifiedBy: _l,
        ...doc
      } = JSON.parse(Buffer.from(decision.body).toString()) as Doc;
      return [decision.envelope.schema, doc];
    };
    assert.deepEqual(stored(), [3, { id: "t", title: "c", unknown: 1, tags: [], priority: 5 }]);
    assert.deepEqual(stored(3), [3, { id: "t", caption: "c", color: "red", unknown: 1, priority: 5 }]);
  });
});

describe("the steps of a schema", () => {
  it("lead from 1 to the current version, each once and in order, and use no old name again", (t) => {
    const folder = temporaryFolder(t);
    const load = (version: number, upcastSteps: object[] | undefined) => {
      writeFileSync(
        join(folder, "tasks.json"),
        taskSchema({ version, ...(upcastSteps && { upcast: upcastSteps }), fields: FIELDS }),
      );
      return loadSchemas([folder]).collection("tasks");
    };
    assert.equal(load(3, steps).upcast?.length, 2);
    assert.equal(load(3, undefined).version, 3, "none at all: older documents are read as they are");
    for (const [version, wrong, message] of [
      [3, [{ from: 1 }], /one step from each version below 3/],
      [3, [{ from: 2 }], /one step from each version below 3/],
      [3, [{ from: 2 }, { from: 1 }], /in order/],
      [3, [{ from: 1 }, { from: 1 }], /one step/],
      [2, [{ from: 1 }, { from: 2 }], /one step/],
      [1, [{ from: 1 }], /one step/],
      [2, [{ from: 1, rename: { title: "heading" } }], /'title'.*can't be used again/],
      [2, [{ from: 1, remove: ["id"] }], /'id'.*can't be used again/],
      [2, [{ from: 1, rename: { "it's": "title" } }], /pattern|propert/],
      [2, [{ from: 1, add: {} }], /additional/],
    ] as const) {
      assert.throws(
        () => load(version, [...wrong]),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, "BAD_CONFIG");
          assert.match(error.message, /tasks\.json/);
          assert.match(error.message, message);
          return true;
        },
      );
    }
  });
});
