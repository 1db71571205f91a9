/** Runs the tests: every dist/tests/**\/*.test.js, named one by one, so that none is missed by a pattern. Arguments are parts of file names:
 *  only files with one of them run. At the end it compares what ran with what there is in tests/. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const CONCURRENCY = 3;

const found = (folder: string, ending: string) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(ending));

const wanted = process.argv.slice(2);
const sources = found("tests", ".test.ts").filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)));
const files = sources.map((file) => join(ROOT, "dist/tests", file.replace(/\.ts$/, ".js"))).sort();
const ranFile = join(tmpdir(), `frontsync-tests-${process.pid}.txt`);
const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
const record = [
  `--test-reporter=${fileURLToPath(new URL("./ran-reporter.js", import.meta.url))}`,
  `--test-reporter-destination=${ranFile}`,
];
const child = spawn(process.execPath, ["--test", `--test-concurrency=${CONCURRENCY}`, ...reporters, ...record, ...files], {
  stdio: "inherit",
  cwd: ROOT,
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));

child.on("close", (code) => {
  const ran = new Set(readFileSync(ranFile, "utf8").split("\n"));
  rmSync(ranFile, { force: true });
  const missed = files.filter((file) => !ran.has(file)).map((file) => relative(ROOT, file).split(sep).join("/"));
  for (const file of missed) console.error(`no test ran in ${file}`);
  process.exitCode = missed.length > 0 || files.length === 0 ? 1 : (code ?? 1);
});
