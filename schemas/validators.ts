/** Validators: JSON Schema that ajv has compiled to functions. Those of frontsync's own files are compiled by the build (scripts/dev/validators.mjs):
 *  to load ajv and to compile with it took a process more time than anything else at its start. ajv itself is loaded only where there is
 *  something else to compile: a collection of a further folder, or the sources as they are, without a build. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Ajv, Options, ValidateFunction } from "ajv";
import { COMPILED, readMessages, readMetaSchema, readParts } from "./files.ts";

const require = createRequire(import.meta.url);

/** The validator of one of frontsync's own schemas, by its `$id`, as the build has compiled it; undefined: there was no build. */
export function builtValidator(id: string): ValidateFunction | undefined {
  const file = join(COMPILED, `${id}.cjs`);
  return existsSync(file) ? (require(file) as ValidateFunction) : undefined;
}

/** An ajv that knows what collections and messages refer to. `options`: beside the usual ones. */
export function openAjv(options: Options = {}): Ajv {
  const { Ajv } = require("ajv") as typeof import("ajv");
  const { default: addFormats } = require("ajv-formats") as typeof import("ajv-formats");
  // strictRequired can not see through the $ref to the common fields.
  const ajv = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true, ...options });
  (addFormats as unknown as typeof addFormats.default)(ajv, ["date-time"]);
  const metaSchema = readMetaSchema();
  ajv.addKeyword({ keyword: "collection", schemaType: "object", metaSchema });
  for (const schema of [...readParts(), ...readMessages()]) ajv.addSchema(schema);
  return ajv;
}
