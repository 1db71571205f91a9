/** The schema files, as they are written. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JSONSchema } from "json-schema-to-typescript";

export const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));

export type SchemaFile = JSONSchema & { $id: string; title: string };

export interface Sources {
  /** What a collection declares. */
  declaration: SchemaFile;
  /** The fields that documents have in common. */
  common: SchemaFile;
  password: SchemaFile;
  messages: readonly SchemaFile[];
  /** What only the webserver's HTTP API says. */
  http: readonly SchemaFile[];
  collections: readonly SchemaFile[];
}

export function readSources(): Sources {
  return {
    declaration: read("collection.meta.json"),
    common: read("document.json"),
    password: read("password.json"),
    messages: folder("messages"),
    http: folder("http"),
    collections: folder("collections"),
  };
}

function read(file: string): SchemaFile {
  return JSON.parse(readFileSync(join(ROOT, "schemas", file), "utf8")) as SchemaFile;
}

function folder(name: string): SchemaFile[] {
  const files = readdirSync(join(ROOT, "schemas", name)).filter((file) => file.endsWith(".json"));
  return files.sort().map((file) => read(`${name}/${file}`));
}
