/** Loads what a folder holds: each file's default export. */
import { readdirSync } from "node:fs";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { DatastoreFunction } from "./define.ts";

/** Every file of functions/ itself but the datastore's entry is a function. */
export async function loadFunctions(): Promise<DatastoreFunction[]> {
  return await loadFolder(new URL("../", import.meta.url), /^(datastore|index)\./);
}

/** The default exports of a folder's files, in the order of their names. Throws BAD_CONFIG for a file without one. */
export async function loadFolder<T>(folder: URL, except: RegExp): Promise<T[]> {
  const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const files = readdirSync(folder).filter((file) => file.endsWith(extension) && !except.test(file));
  return await Promise.all(
    files.sort().map(async (file) => {
      const { default: definition } = (await import(new URL(file, folder).href)) as { default?: T };
      if (!definition) throw new FrontsyncError("BAD_CONFIG", `${file} in functions has no default export.`);
      return definition;
    }),
  );
}
