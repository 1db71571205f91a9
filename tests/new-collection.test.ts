// Goal: to add a collection is to add one schema file, and nothing else. Method: what CONTRIBUTING.md says, in a copy of this repository: a file
// of a name made up here, `npm run generate`. Then the copy has it: validated, synchronised, indexed, typed, described.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const COPIED = [
  "apps",
  "bench",
  "bus",
  "functions",
  "schemas",
  "scripts",
  "tests/support",
  "docs",
  "package.json",
  "tsconfig.json",
  "biome.json",
  ".gitignore",
];

const schemaFile = (name: string) => ({
  $schema: "http://json-schema.org/draft-07/schema#",
  $id: name,
  title: "Thing",
  description: "A thing.",
  type: "object",
  required: ["id", "colour"],
  properties: {
    id: { type: "string", minLength: 1 },
    colour: { enum: ["red", "blue"] },
    size: { type: "integer", minimum: 0 },
  },
  additionalProperties: false,
  collection: {
    version: 1,
    database: "webstore",
    key: ["id"],
    access: "directory",
    indexes: ["colour", "size"],
    limits: { bytes: 1000 },
    policy: "reject",
    offline: true,
    retention: { versions: 1 },
  },
});

/** Compiles only while the generated type has the fields of the schema, with their types. */
const use = (name: string) => `import type { Collections } from "../schemas/types.ts";

type Thing = Collections["${name}"];
export const thing: Thing = { id: "t", colour: "red", size: 1 };
// @ts-expect-error: a colour that is none
export const colourless: Thing = { id: "t", colour: "green" };
// @ts-expect-error: no colour
export const without: Thing = { id: "t" };
`;

/** A copy of the sources in which `npm run generate` ran after the file was added. */
function copyWith(t: TestContext, name: string): string {
  const copy = temporaryFolder(t);
  for (const part of COPIED) cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  writeFileSync(join(copy, "schemas/collections", `${name}.json`), JSON.stringify(schemaFile(name)));
  writeFileSync(join(copy, "scripts/use.ts"), use(name));
  const generate = spawnSync("npm", ["run", "--silent", "generate"], { cwd: copy, encoding: "utf8", timeout: 900_000 });
  assert.equal(generate.status, 0, generate.stdout + generate.stderr);
  return copy;
}

describe("one schema file", () => {
  it("is all that a new collection needs", async (t) => {
    const name = `c${randomBytes(6).toString("hex")}`;
    const copy = copyWith(t, name);
    const load = async <M>(module: string) => (await import(pathToFileURL(join(copy, "dist", module)).href)) as M;

    await t.test("typed", () => {
      assert.match(readFileSync(join(copy, "schemas/types.ts"), "utf8"), new RegExp(`${name}: Thing;`));
      assert.ok(existsSync(join(copy, "dist/scripts/use.js")), "and the generated type was compiled with its use");
    });

    await t.test("described", async () => {
      const document = JSON.parse(readFileSync(join(copy, "docs/asyncapi.json"), "utf8")) as {
        channels: Record<string, { address: string; parameters: { collection: { enum: string[] } } }>;
        components: { schemas: Record<string, unknown> };
      };
      assert.equal(document.channels[`live.${name}`]?.address, `ds.live.${name}.{id}`);
      assert.ok(document.channels.put?.parameters.collection.enum.includes(name));
      assert.ok(document.components.schemas[name]);
    });

    await t.test("validated, synchronised and indexed", async () => {
      const { deploy } = await load<typeof import("./support/deployment.ts")>("tests/support/deployment.js");
      await using deployment = await deploy({ webservers: 2 });
      const [here, there] = deployment.buses.map((bus) => bus.collection(name));
      assert.ok(here && there);
      await assert.rejects(here.put({ id: "t", colour: "green" }), { code: "SCHEMA_INVALID", path: "/colour" });
      await assert.rejects(here.put({ id: "t" }), { code: "SCHEMA_INVALID", path: "/colour" });
      const results = await here.putMany(
        [3, 1, 2].map((size) => ({ id: `t${size}`, colour: size === 2 ? "blue" : "red", size })),
      );
      assert.ok(results.every((result) => "revision" in result));
      await deployment.buses[1]?.caughtUp();
      const { items } = await there.list({ where: { colour: "red" }, sort: "size" });
      assert.deepEqual(
        items.map(({ doc }) => doc),
        [1, 3].map((size) => ({ id: `t${size}`, colour: "red", size })),
      );
    });

    await t.test("named nowhere else", () => {
      const { status, stdout } = spawnSync("git", ["grep", "--untracked", "-l", name], { cwd: ROOT, encoding: "utf8" });
      assert.deepEqual({ status, stdout }, { status: 1, stdout: "" });
    });
  });
});
