// Goal: to add a collection is to add one schema file, and a file that can't be right is refused with its name and its fault. Method: folders with
// one file each; then a collection of a name made up here, from startDatastore to a second webserver.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { ValidateFunction } from "ajv";
import fc from "fast-check";
import { connectBus } from "../bus/index.ts";
import { startDatastore } from "../functions/datastore.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { COLLECTIONS, readJson } from "../schemas/files.ts";
import { loadSchemas } from "../schemas/index.ts";
import { builtValidator, openAjv } from "../schemas/validators.ts";
import { deploy } from "./support/deployment.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

type Json = Record<string, unknown>;

const DECLARATION = {
  version: 1,
  database: "users",
  key: ["id"],
  indexes: ["colour", "size"],
  limits: { bytes: 1000 },
  policy: "last-writer-wins",
  offline: true,
  retention: { versions: 1 },
};
const FIELDS = {
  id: { type: "string", minLength: 1 },
  colour: { type: "string" },
  size: { type: "integer" },
  uid: { type: "integer" },
  changedAt: { type: "string" },
};
const good = (name: string, changed: Json = {}, declaration: Json = {}) => ({
  $schema: "http://json-schema.org/draft-07/schema#",
  $id: name,
  title: "Thing",
  type: "object",
  required: ["id"],
  properties: FIELDS,
  additionalProperties: false,
  collection: { ...DECLARATION, ...declaration },
  ...changed,
});

function folderWith(t: TestContext, files: Record<string, unknown>): string {
  const folder = temporaryFolder(t);
  for (const [file, content] of Object.entries(files))
    writeFileSync(join(folder, file), typeof content === "string" ? content : JSON.stringify(content));
  return folder;
}

/** What the file `things.json` is refused with, and what the message has to say beside the file's name. */
const FAULTS: [string, unknown, RegExp][] = [
  ["no JSON", "{", /JSON/],
  ["an empty file", "", /JSON/],
  ["a JSON that is no object", "[]", /object/],
  ["null", "null", /object/],
  ["another $id", good("other"), /\$id.*things/],
  ["no $id", good("things", { $id: undefined }), /\$id.*things/],
  ["no declaration", good("things", { collection: undefined }), /collection/],
  ["a declaration that is no object", good("things", { collection: true }), /collection|object/],
  ["an empty declaration", good("things", { collection: {} }), /version/],
  ["an unknown keyword in the declaration", good("things", {}, { colour: "red" }), /additional/i],
  ["an unknown policy", good("things", {}, { policy: "whatever" }), /policy/],
  ["an unknown database", good("things", {}, { database: "things" }), /database/],
  ["no limit", good("things", {}, { limits: {} }), /bytes/],
  ["a limit above what a message can carry", good("things", {}, { limits: { bytes: 4_210_689 } }), /bytes/],
  ["no key", good("things", {}, { key: [] }), /key/],
  ["three key fields", good("things", {}, { key: ["uid", "id", "size"] }), /key/],
  ["a key on an unknown field", good("things", {}, { key: ["nothing"] }), /'nothing'/],
  ["an index on an unknown field", good("things", {}, { indexes: ["size", "nothing"] }), /'nothing'/],
  ["an index on what only every object has", good("things", {}, { indexes: ["constructor"] }), /'constructor'/],
  ["an owner on an unknown field", good("things", {}, { owner: "nobody" }), /'nobody'/],
  ["a name on an unknown field", good("things", {}, { name: "nothing" }), /'nothing'/],
  ["two key fields of which the first is no integer", good("things", {}, { key: ["id", "colour"] }), /integer/],
  ["two key fields the wrong way round", good("things", {}, { key: ["id", "uid"] }), /integer/],
  [
    "a key field that is neither a string nor an integer",
    good("things", { properties: { ...FIELDS, id: { type: "boolean" } } }),
    /'id'/,
  ],
  ["an unknown keyword in the schema", good("things", { colours: [] }), /colours/],
  ["an unknown format", good("things", { properties: { ...FIELDS, colour: { type: "string", format: "colour" } } }), /format/],
  ["a reference to nowhere", good("things", { allOf: [{ $ref: "nowhere" }] }), /nowhere/],
  [
    "a pattern that is none",
    good("things", { properties: { ...FIELDS, colour: { type: "string", pattern: "(" } } }),
    /regular|regex|pattern/i,
  ],
];

/** Names of the files that have a schema each. */
function schemaNames(folder: string): string[] {
  const files = readdirSync(new URL(`../schemas/${folder}/`, import.meta.url));
  return files.filter((file) => file.endsWith(".json")).map((file) => basename(file, ".json"));
}

describe("frontsync's own schemas", () => {
  const names = ["collections", "messages", "http"].flatMap(schemaNames);
  const ajv = openAjv();
  for (const name of schemaNames("collections")) ajv.addSchema(readJson(join(COLLECTIONS, `${name}.json`)));

  it("were all compiled by the build", () => {
    assert.ok(names.length > 100);
    for (const name of names) assert.equal(builtValidator(name)?.(0), false, name);
  });

  it("accept and refuse, when they were built, what ajv does with the files, and for the same reason", () => {
    for (const name of names) {
      const [built, fresh] = [builtValidator(name), ajv.getSchema(name)];
      assert.ok(built && fresh, name);
      // Values that get far: some fields are right.
      const { properties = {} } = fresh.schema as { properties?: object };
      const anything = fc.oneof(fc.jsonValue(), fc.record({ id: fc.string(), name: fc.string(), uid: fc.integer() }));
      const fields = fc.dictionary(fc.constantFrom("id", ...Object.keys(properties)), anything);
      fc.assert(
        fc.property(fc.oneof(anything, fields), (value) => {
          assert.deepEqual([built(value), told(built)], [fresh(value), told(fresh)]);
        }),
        { numRuns: 20 },
      );
    }
  });
});

function told({ errors }: ValidateFunction): unknown {
  return errors?.map(({ instancePath, keyword, message, params }) => ({ instancePath, keyword, message, params }));
}

function refused(load: () => unknown, file: string, says: RegExp): void {
  assert.throws(load, (error: unknown) => {
    assert.ok(error instanceof FrontsyncError, String(error));
    assert.equal(error.code, "BAD_CONFIG", error.message);
    assert.ok(error.message.includes(file), `it names the file: ${error.message}`);
    assert.match(error.message, says);
    return true;
  });
}

describe("a schema file is refused with its name and its fault:", () => {
  for (const [fault, content, says] of FAULTS) {
    it(fault, (t) => {
      const folder = folderWith(t, { "things.json": content });
      refused(() => loadSchemas([folder]), join(folder, "things.json"), says);
    });
  }

  it("a name that is no collection's", (t) => {
    for (const name of ["Things", "1things", "_things", "a.b", "a b", "é", "t".repeat(65), "sqlite_things"]) {
      const folder = folderWith(t, { [`${name}.json`]: good(name) });
      refused(() => loadSchemas([folder]), `${name}.json`, /named|reserved/);
    }
  });

  it("a collection that there is already", (t) => {
    const [one, two] = [folderWith(t, { "things.json": good("things") }), folderWith(t, { "things.json": good("things") })];
    refused(() => loadSchemas([one, two]), join(two, "things.json"), /twice|already/);
    const own = folderWith(t, { "dashboards.json": good("dashboards") });
    refused(() => loadSchemas([own]), join(own, "dashboards.json"), /twice|already/);
    const message = folderWith(t, { "head.json": good("head") });
    refused(() => loadSchemas([message]), join(message, "head.json"), /twice|already/);
    // SQLite, which keeps the replica, does not tell them apart.
    const other = folderWith(t, { "thingS.json": good("thingS") });
    refused(() => loadSchemas([one, other]), join(other, "thingS.json"), /twice|already/);
  });

  it("a folder that is not there, or is a file", (t) => {
    const folder = folderWith(t, { file: "" });
    refused(() => loadSchemas([join(folder, "none")]), join(folder, "none"), /can't be read/);
    refused(() => loadSchemas([join(folder, "file")]), join(folder, "file"), /can't be read/);
  });

  it("and everything else in the folder is left alone", (t) => {
    const folder = folderWith(t, {
      "things.json": good("things"),
      "README.md": "# Things",
      "things.json.bak": "{",
      ".hidden": "",
    });
    mkdirSync(join(folder, "more"));
    assert.ok(loadSchemas([folder]).collections.has("things"));
    assert.ok(!loadSchemas().collections.has("things"), "and each load begins anew");
  });

  it("by the datastore and by a bus alike, before anything is started", async (t) => {
    const folder = folderWith(t, { "things.json": "{" });
    const refusal = { name: "FrontsyncError", code: "BAD_CONFIG" };
    await assert.rejects(startDatastore({ dir: temporaryFolder(t), port: 0, schemas: [folder] }), refusal);
    await assert.rejects(
      connectBus({ datastore: "127.0.0.1:1", webserver: "web1", dir: temporaryFolder(t), schemas: [folder] }),
      refusal,
    );
  });
});

describe("a collection that was dropped in", () => {
  it("works from one webserver to the other, and is unknown where its file is not", async (t) => {
    const name = `c${randomBytes(6).toString("hex")}`;
    const folder = folderWith(t, { [`${name}.json`]: good(name) });
    await using deployment = await deploy({ schemas: [folder], webservers: 2 });
    const [here, there] = deployment.buses.map((bus) => bus.collection(name));
    assert.ok(here && there);
    const things = Array.from({ length: 25 }, (_one, n) => ({
      id: `t${n}`,
      colour: n % 5 === 0 ? "red" : "blue",
      size: 100 - n,
    }));
    for (const result of await here.putMany(things)) assert.ok("revision" in result, String(result));
    await here.patch("t0", { size: 1000 });
    await here.delete("t5");
    await deployment.buses[1]?.caughtUp();
    const red = await there.list({ where: { colour: "red" }, sort: "-size" });
    assert.deepEqual(
      red.items.map(({ id, doc }) => [id, doc.size]),
      [
        ["t0", 1000],
        ["t10", 90],
        ["t15", 85],
        ["t20", 80],
      ],
    );
    assert.deepEqual((await there.get("t1"))?.doc, { id: "t1", colour: "blue", size: 99 });

    await assert.rejects(here.put({ id: "t1", weight: 5 }), { code: "SCHEMA_INVALID", path: "/weight" });
    await assert.rejects(here.put({ id: "t1", colour: "x".repeat(1000) }), { code: "TOO_LARGE", limit: 1000 });
    await assert.rejects(there.list({ where: { uid: 1 } }), { code: "UNKNOWN_INDEX" });

    await using without = await deployment.connect("web3", { schemas: [] });
    const nowhere = without.collection(name);
    for (const use of [
      () => nowhere.get("t1"),
      () => nowhere.list(),
      () => nowhere.put({ id: "t1" }),
      () => nowhere.delete("t1"),
    ])
      await assert.rejects(use, { code: "UNKNOWN_COLLECTION" });
    const digests = await Promise.all([without.digests(), deployment.buses[0]?.digests()]);
    assert.equal(digests[0].digests[name], digests[1]?.digests[name], "what it does not know it keeps nevertheless");
    assert.deepEqual(
      [without.status().state, without.status().warnings.map(({ code }) => code)],
      ["synced", ["DEFAULT_PASSWORD"]],
    );
  });
});
