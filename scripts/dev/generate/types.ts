/** schemas/types.ts. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { compile, type JSONSchema } from "json-schema-to-typescript";
import { ROOT, type SchemaFile, type Sources } from "./sources.ts";

export async function types(sources: Sources): Promise<string> {
  const { declaration, common, password, messages, http, collections } = sources;
  const all = [declaration, common, password, ...messages, ...http, ...collections];
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
  const map = (name: string, doc: string, schemas: readonly SchemaFile[]) =>
    `/** ${doc} */\nexport interface ${name} {\n${schemas.map(({ $id, title }) => `  ${JSON.stringify($id)}: ${title};`).join("\n")}\n}\n`;
  return formatted(
    [
      "// Generated from the schema files by `npm run generate`. Do not edit.\n",
      withoutRoot,
      map("Collections", "The collections, by name, with the type of their documents.", collections),
      map("Messages", "The messages, by the name of their schema file.", [...messages, ...http]),
      calls(messages),
    ].join("\n"),
  );
}

/** The named functions: a message's name has a dot more than those of the plain verbs. */
function calls(messages: readonly SchemaFile[]): string {
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
