// Builds dist/: TypeScript to JavaScript, and the schema files beside the code that reads them. Runs in `npm ci` (prepare), so it
// must not fail where the compiler is not installed: `npm ci --omit=dev` of a package that was published with its dist/.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const out = join(root, "dist");

let compiler;
try {
  compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
} catch {
  if (existsSync(out)) process.exit(0);
  console.error("frontsync: dist/ is not built and the TypeScript compiler is not installed. Run `npm ci` without --omit=dev.");
  process.exit(1);
}

// Tests are found in dist/, so what was deleted in the sources must be gone there too.
for (const folder of ["tests", "functions", "schemas"]) rmSync(join(out, folder), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [compiler, "-p", join(root, "tsconfig.json")], { stdio: "inherit" });
for (const folder of ["collections", "messages"]) {
  cpSync(join(root, "schemas", folder), join(out, "schemas", folder), { recursive: true });
}
for (const file of ["collection.meta.json", "document.json"]) cpSync(join(root, "schemas", file), join(out, "schemas", file));
process.exit(status ?? 1);
