/** The schema files: where frontsync's own are, and how any of them is read. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isObject } from "./document.ts";
import { FrontsyncError } from "./errors.ts";

export type JsonObject = Record<string, unknown>;

const HERE = fileURLToPath(new URL(".", import.meta.url));
/** The folder of frontsync's own collections, a file for each. */
export const COLLECTIONS = join(HERE, "collections");
/** What the build has compiled of frontsync's own schemas. */
export const COMPILED = join(HERE, "compiled");

/** What collections have in common; what messages refer to beside each other; what a declaration of a collection may say. */
export const readCommon = () => readJson(join(HERE, "document.json"));
export const readParts = () => [readCommon(), readJson(join(HERE, "password.json"))];
export const readMetaSchema = () => readJson(join(HERE, "collection.meta.json"));

/** The schemas of all messages, on the wire and over HTTP. */
export function readMessages(): JsonObject[] {
  return ["messages", "http"].flatMap((folder) => jsonFiles(join(HERE, folder))).map(readJson);
}

/** Throws BAD_CONFIG. */
export function jsonFiles(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    throw new FrontsyncError("BAD_CONFIG", `The schema folder ${folder} can't be read: ${(cause as Error).message}`, { cause });
  }
  return names
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => join(folder, name));
}

/** Throws BAD_CONFIG. */
export function readJson(file: string): JsonObject {
  let schema: unknown;
  try {
    schema = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new FrontsyncError("BAD_CONFIG", `The schema file ${file} can't be read: ${(cause as Error).message}`, { cause });
  }
  if (isObject(schema)) return schema;
  throw new FrontsyncError("BAD_CONFIG", `${file}: a schema must be a JSON object.`);
}
