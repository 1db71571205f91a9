/** Loads the functions: every file of functions/ itself but the datastore's entry is one. */
import { readdirSync } from "node:fs";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { DatastoreFunction } from "./define.ts";

const FOLDER = new URL("../", import.meta.url);
const NOT_FUNCTIONS = /^(datastore|index)\./;

export async function loadFunctions(): Promise<DatastoreFunction[]> {
  const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(extension) && !NOT_FUNCTIONS.test(file));
  return await Promise.all(
    files.sort().map(async (file) => {
      const { default: definition } = (await import(new URL(file, FOLDER).href)) as { default?: DatastoreFunction };
      if (!definition) throw new FrontsyncError("BAD_CONFIG", `functions/${file} has no default export made by defineFunction.`);
      return definition;
    }),
  );
}
