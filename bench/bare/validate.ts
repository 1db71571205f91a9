import { readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";

/** Validates dashboards as the datastore does: by the same schema files, by ajv in strict mode. Only the files are frontsync's. */
export function dashboardValidator(): ValidateFunction {
  const ajv = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true });
  (addFormats as unknown as typeof addFormats.default)(ajv, ["date-time"]);
  ajv.addKeyword("collection");
  ajv.addSchema(read("document.json"));
  return ajv.compile(read("collections/dashboards.json"));
}

function read(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`../../schemas/${file}`, import.meta.url), "utf8")) as Record<string, unknown>;
}
