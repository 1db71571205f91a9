// Goal: a dashboard file becomes the same document at every import, whatever product it comes from.
// Method: the pure functions, with the schema that is really used.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FrontsyncError } from "../schemas/errors.ts";
import { loadSchemas } from "../schemas/index.ts";
import { assertSize, fileId, fileLimit, isSame, parseFile, toDashboard } from "../scripts/support/import/document.ts";

const schema = loadSchemas().collection("dashboards");
const dashboard = (content: Record<string, unknown>, path = "folder/file.json") => toDashboard(content, path, schema);
const hash = (path: string) => createHash("sha256").update(path).digest("hex").slice(0, 32);
const code = (expected: string) => (error: unknown) => error instanceof FrontsyncError && error.code === expected;

describe("the id of a file", () => {
  test("is its own id, else its uid, when that is a string", () => {
    assert.equal(fileId({ id: "mine", uid: "other" }, "a.json"), "mine");
    assert.equal(fileId({ id: 17, uid: "other" }, "a.json"), "other");
    assert.equal(fileId({ id: null, uid: "other" }, "a.json"), "other");
    assert.equal(fileId({ id: "", uid: "other" }, "a.json"), "other");
  });

  test("is else a hash of its path", () => {
    for (const content of [{}, { id: 17 }, { id: "", uid: "" }, { id: ["a"], uid: 3 }]) {
      assert.equal(fileId(content, "a/b.json"), hash("a/b.json"));
    }
    assert.notEqual(fileId({}, "a/b.json"), fileId({}, "b.json"));
  });
});

describe("the document of a file", () => {
  test("is the file itself when it has our shape, without what the datastore sets", () => {
    const own = { id: "x", name: "Traffic", labels: ["web"], readers: { global: true }, data: { panels: [] } };
    const stamped = { ...own, createdAt: "2020-01-01T00:00:00Z", updatedAt: "2020-01-01T00:00:00Z", lastModifiedBy: 3 };
    assert.deepEqual(dashboard(stamped), own);
    assert.deepEqual(dashboard({ name: "Only a name" }), { id: hash("folder/file.json"), name: "Only a name" });
    assert.equal(dashboard({ id: 5, name: "A number for an id", data: 1 }).id, hash("folder/file.json"));
  });

  test("holds any other JSON object as its data, under its title, with its tags", () => {
    const foreign = { id: 4, uid: "abc", title: "Node", description: "All of it", tags: ["linux", 5, ""], panels: [{ id: 1 }] };
    assert.deepEqual(dashboard(foreign), { id: "abc", name: "Node", description: "All of it", labels: ["linux"], data: foreign });
    const nameless = { panels: [] };
    assert.deepEqual(dashboard(nameless, "a/b/Web traffic.JSON"), {
      id: hash("a/b/Web traffic.JSON"),
      name: "Web traffic",
      data: nameless,
    });
    assert.equal(dashboard({ name: "By name", panels: [] }).name, "By name");
    assert.equal(dashboard({ title: "", name: 7, panels: [] }, "file.json").name, "file");
  });

  test("fits the schema however long its title, description and tags are", () => {
    const foreign = {
      title: "😀".repeat(2000),
      description: "d".repeat(70_000),
      tags: [...Array.from({ length: 300 }, (_, i) => `tag ${i}`), "x".repeat(300)],
    };
    const doc = dashboard(foreign);
    schema.validate(doc);
    assert.deepEqual(doc.data, foreign);
  });

  test("fits the schema and keeps the whole file, whatever JSON object that is", () => {
    const content = fc.dictionary(
      fc.oneof(fc.constantFrom("id", "uid", "name", "title", "tags", "description", "data"), fc.string()),
      fc.jsonValue(),
    );
    const isForeign = (object: Record<string, unknown>) => typeof object.name !== "string" || object.name === "";
    fc.assert(
      fc.property(content.filter(isForeign), (object) => {
        const doc = dashboard(object);
        schema.validate(doc);
        assert.deepEqual(doc.data, JSON.parse(JSON.stringify(object)));
        assert.ok(isSame(doc, dashboard(JSON.parse(JSON.stringify(object)) as typeof object), schema));
      }),
      { numRuns: 500 },
    );
  });

  test("is refused above the limit, with the limit", () => {
    const isTooLarge = (error: unknown) =>
      error instanceof FrontsyncError && error.code === "TOO_LARGE" && error.limit === schema.limits.bytes;
    assert.throws(() => dashboard({ name: "Large", data: "x".repeat(schema.limits.bytes) }), isTooLarge);
    assert.throws(() => dashboard({ panels: "é".repeat(schema.limits.bytes / 2) }), isTooLarge);
    assert.throws(() => assertSize(fileLimit(schema) + 1, fileLimit(schema), "The file"), code("TOO_LARGE"));
  });

  test("is refused when it is nested too deeply to be written", () => {
    const deep = JSON.parse(`{"data":${"[".repeat(200_000)}${"]".repeat(200_000)}}`) as Record<string, unknown>;
    assert.throws(() => dashboard(deep), code("TOO_LARGE"));
  });
});

describe("a file", () => {
  test("is a JSON object in UTF-8, with or without a byte order mark", () => {
    assert.deepEqual(parseFile(Buffer.from('\uFEFF{"a":1}')), { a: 1 });
    for (const bad of ["", "{", '{"a":1}}', "nonsense"])
      assert.throws(() => parseFile(Buffer.from(bad)), code("BAD_MESSAGE"), bad);
    assert.throws(() => parseFile(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), code("BAD_MESSAGE"));
    for (const bad of ["[]", "null", "1", '"text"', "true"])
      assert.throws(() => parseFile(Buffer.from(bad)), code("SCHEMA_INVALID"), bad);
  });
});

describe("two documents are the same", () => {
  const doc = dashboard({ name: "A", data: { zero: -0, huge: 1e300, list: [1, { b: 2 }] } });

  test("when only the datastore's own fields or the order of fields differ", () => {
    const held = { lastModifiedBy: 1, createdAt: "x", updatedAt: "y", ...(JSON.parse(JSON.stringify(doc)) as object) };
    assert.ok(isSame(Object.fromEntries(Object.entries(held).reverse()), doc, schema));
  });

  test("and not when anything else does", () => {
    assert.ok(!isSame({ ...doc, name: "B" }, doc, schema));
    assert.ok(!isSame({ ...doc, labels: [] }, doc, schema));
    assert.ok(!isSame({ ...doc, data: { ...(doc.data as object), list: [{ b: 2 }, 1] } }, doc, schema));
  });
});
