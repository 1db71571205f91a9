/** Writes what comes from the schemas, the functions and the settings: schemas/types.ts, docs/errors.md, docs/asyncapi.json,
 *  docs/openapi.json and docs/configuration.md; and docs/reliability.md from what fault injection printed. With --check it writes nothing and
 *  exits 1 when a file is stale. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeApi } from "../../apps/webserver/description.ts";
import { loadFunctions } from "../../functions/host/load.ts";
import { loadSchemas } from "../../schemas/index.ts";
import { asyncapi } from "./generate/asyncapi/index.ts";
import { configuration } from "./generate/configuration.ts";
import { errors } from "./generate/errors.ts";
import { reliability } from "./generate/reliability.ts";
import { ROOT, readSources } from "./generate/sources.ts";
import { types } from "./generate/types.ts";

const sources = readSources();
const generated = {
  "schemas/types.ts": await types(sources),
  "docs/errors.md": errors(),
  "docs/reliability.md": reliability(),
  "docs/configuration.md": configuration(),
  "docs/openapi.json": `${JSON.stringify(await describeApi(loadSchemas()), undefined, 2)}\n`,
  "docs/asyncapi.json": `${JSON.stringify(asyncapi(sources, await loadFunctions()), undefined, 2)}\n`,
};
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
