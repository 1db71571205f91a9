// Builds dist/: TypeScript to JavaScript, and the schema files beside the code that reads them. Runs in `npm ci` (prepare), so it
// must not fail where the compiler is not installed: `npm ci --omit=dev` of a package that was published with its dist/.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, readdirSync, rmSync } from "node:fs";
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

const compile = (config) => spawnSync(process.execPath, [compiler, "-p", join(root, config)], { stdio: "inherit" }).status ?? 1;
let status = compile("tsconfig.json") || compile("apps/console/tsconfig.json");
// What was deleted in the sources must be gone in dist/ too: functions and tests are found by what is there.
for (const file of existsSync(out) ? readdirSync(out, { recursive: true, encoding: "utf8" }) : []) {
  const source = file.match(/^((?:apps|bench|bus|faults|functions|schemas|scripts|tests)\/.*?)\.(?:js|d\.ts|js\.map)$/)?.[1];
  if (source !== undefined && !existsSync(join(root, `${source}.ts`))) rmSync(join(out, file));
}
for (const folder of ["collections", "http", "messages"]) rmSync(join(out, "schemas", folder), { recursive: true, force: true });
for (const folder of ["collections", "http", "messages"]) {
  cpSync(join(root, "schemas", folder), join(out, "schemas", folder), { recursive: true });
}
for (const file of ["collection.meta.json", "document.json", "password.json"])
  cpSync(join(root, "schemas", file), join(out, "schemas", file));
const run = (script) => spawnSync(process.execPath, [join(out, script)], { stdio: "inherit" }).status ?? 1;
status ||= run("scripts/dev/validators.js");
// Also without npm, which does it for what it installs.
if (status === 0) chmodSync(join(out, "scripts/frontsync.js"), 0o755);
if (status === 0) {
  const { bundleConsole } = await import("./console.mjs");
  await bundleConsole(join(root, "apps/console"), join(out, "apps/console/page"));
}
process.exit(status);
