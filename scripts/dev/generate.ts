/** Writes what comes from the schemas: schemas/types.ts and docs/errors.md. With --check it writes nothing and exits 1 when a file
 *  is stale. */

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, type JSONSchema } from "json-schema-to-typescript";
import { ERRORS } from "../../schemas/errors.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SCHEMAS = join(ROOT, "schemas");

const read = (file: string) =>
  JSON.parse(readFileSync(join(SCHEMAS, file), "utf8")) as JSONSchema & { $id: string; title: string };
const folder = (name: string) =>
  readdirSync(join(SCHEMAS, name))
    .sort()
    .map((file) => read(`${name}/${file}`));

async function types(): Promise<string> {
  const common = read("document.json");
  const messages = folder("messages");
  const collections = folder("collections");
  const all = [read("collection.meta.json"), common, read("password.json"), ...messages, ...collections];
  const titles = new Map(all.map(({ $id, title }) => [$id, title]));
  const definitions = Object.fromEntries(all.map((schema) => [schema.title, flat(schema, common)]));
  // One root that refers to all of them, so that a shared part is declared once.
  const properties = Object.fromEntries(all.map(({ title }) => [title, { $ref: `#/definitions/${title}` }]));
  const root = JSON.parse(JSON.stringify({ title: "Root", type: "object", definitions, properties }), (key, value: unknown) => {
    if (key === "$ref" && typeof value === "string") return local(value, titles);
    // What stands beside a reference says nothing of the type.
    const reference = (value as JSONSchema | null)?.$ref;
    if (typeof reference === "string") return { $ref: reference };
    return isSchema(value) ? opaque(value) : value;
  }) as JSONSchema;
  const source = await compile(root, "Root", {
    additionalProperties: false,
    bannerComment: "",
    format: false,
    ignoreMinAndMaxItems: true,
  });
  const withoutRoot = source.replace(/export interface Root \{[\s\S]*?\n\}\n/, "");
  const map = (name: string, doc: string, schemas: typeof all) =>
    `/** ${doc} */\nexport interface ${name} {\n${schemas.map(({ $id, title }) => `  ${JSON.stringify($id)}: ${title};`).join("\n")}\n}\n`;
  return [
    "// Generated from the schema files by `npm run generate`. Do not edit.\n",
    withoutRoot,
    map("Collections", "The collections, by name, with the type of their documents.", collections),
    map("Messages", "The messages, by the name of their schema file.", messages),
    calls(messages),
  ].join("\n");
}

/** The named functions: a message's name has a dot more than those of the plain verbs. */
function calls(messages: readonly { $id: string; title: string }[]): string {
  const rows = messages.flatMap(({ $id, title }) => {
    const name = /^(.+\..+)\.request$/.exec($id)?.[1];
    if (name === undefined) return [];
    const reply = messages.find((message) => message.$id === `${name}.reply`);
    if (!reply) throw new Error(`schemas/messages/${name}.reply.json is missing`);
    return `  ${JSON.stringify(name)}: { request: Omit<${title}, "mutation" | "by">; reply: ${reply.title} };`;
  });
  return `/** The named functions: what they are asked, beside who asks, and what they answer. */\nexport interface Calls {\n${rows.join("\n")}\n}\n`;
}

/** A collection with the common fields among its own, so that its type is one interface. */
function flat(
  { $schema: _dialect, $id: _id, collection: _declaration, allOf, ...schema }: JSONSchema,
  common: JSONSchema,
): JSONSchema {
  return allOf ? { ...schema, properties: { ...common.properties, ...schema.properties } } : schema;
}

function local(reference: string, titles: ReadonlyMap<string, string>): string {
  if (reference === "#/definitions/audience") return "#/definitions/Document/definitions/audience";
  return reference.startsWith("#") ? reference : `#/definitions/${titles.get(reference)}`;
}

function isSchema(value: unknown): value is JSONSchema {
  return typeof value === "object" && value !== null && typeof (value as JSONSchema).description === "string";
}

/** JSON that no schema describes is `unknown`, and an object that none does a record of it. */
function opaque(schema: JSONSchema): JSONSchema {
  const shaped = ["$ref", "enum", "allOf", "properties", "items", "additionalProperties"].some((keyword) => keyword in schema);
  if (shaped || (schema.type !== undefined && schema.type !== "object")) return schema;
  return { ...schema, tsType: schema.type === "object" ? "Record<string, unknown>" : "unknown" };
}

function errors(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { meaning, todo, retryable }]) => `| \`${code}\` | ${meaning} | ${todo} | ${retryable ? "yes" : "no"} |`,
  );
  return [
    "# Error codes",
    "",
    "<!-- Generated from schemas/errors.ts by `npm run generate`. Do not edit. -->",
    "",
    "Every error is a `FrontsyncError` with one of these codes. A code never changes its meaning; new ones are added at the end.",
    "Retryable: the same call with the same `mutationId` may succeed.",
    "",
    "| code | what happened | what to do | retryable |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

/** As the formatter leaves it, so that a check compares like with like. */
function formatted(source: string): string {
  const { stdout, status, stderr } = spawnSync(
    join(ROOT, "node_modules/.bin/biome"),
    ["format", "--stdin-file-path=schemas/types.ts"],
    { input: source, encoding: "utf8", cwd: ROOT },
  );
  if (status !== 0) throw new Error(`biome: ${stderr}`);
  return stdout;
}

const generated = { "schemas/types.ts": formatted(await types()), "docs/errors.md": errors() };
const stale = Object.entries(generated).filter(([file, text]) => {
  try {
    return readFileSync(join(ROOT, file), "utf8") !== text;
  } catch {
    return true;
  }
});
if (process.argv.includes("--check")) {
  for (const [file] of stale) console.error(`${file} is stale: run \`npm run generate\`.`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const [file, text] of stale) {
    writeFileSync(join(ROOT, file), text);
    console.log(`wrote ${file}`);
  }
}
