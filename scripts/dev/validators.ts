/** Compiles frontsync's own schemas to validators, a file for each, so that no process does it at its start. A schema that is wrong ends the build. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AnySchema } from "ajv";
import standalone from "ajv/dist/standalone/index.js";
import { COLLECTIONS, COMPILED, jsonFiles, readJson, readMessages } from "../../schemas/files.ts";
import { openAjv } from "../../schemas/validators.ts";

const ajv = openAjv({ code: { source: true, lines: true } });
const collections = jsonFiles(COLLECTIONS).map(readJson);
for (const schema of collections) ajv.addSchema(schema as AnySchema);
rmSync(COMPILED, { recursive: true, force: true });
mkdirSync(COMPILED);
for (const schema of [...readMessages(), ...collections]) {
  const id = String(schema.$id);
  const validate = ajv.getSchema(id);
  if (!validate) throw new Error(`There is no schema ${id}.`);
  writeFileSync(join(COMPILED, `${id}.cjs`), standalone.default(ajv, validate));
}
