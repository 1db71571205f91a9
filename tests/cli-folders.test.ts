// Goal: a folder that can't be made is said to be a fault of the configuration, at once; what can be made is its owner's alone.
// Method: the commands with folders below a file, and in /proc, where Node's own recursive mkdir never ends; they are killed when they do not answer.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { makeFolder } from "../bus/platform/files.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const COMMAND = fileURLToPath(new URL("../scripts/frontsync.js", import.meta.url));
const MAKE = "import { makeFolder } from './dist/bus/platform/files.js'; makeFolder(process.argv[1]);";
const PATIENCE_MS = 120_000;

async function refusal(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "close") as Promise<[number]>]);
  clearTimeout(late);
  assert.equal(code, 1, said);
  return said;
}

describe("a folder", () => {
  it("is made with those above it, for its owner alone; again, and by several at once, it stays", (t) => {
    const folder = join(temporaryFolder(t), "a", "b", "c");
    makeFolder(folder);
    makeFolder(folder);
    for (const path of [folder, join(folder, "..")]) assert.equal(statSync(path).mode & 0o777, 0o700);
    const deep = join(folder, "d/e/f/g");
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const makers = Array.from({ length: 4 }, () => `"${process.execPath}" --input-type=module -e "${MAKE}" "${deep}" & `);
    execFileSync("sh", ["-c", `${makers.join("")}for job in 1 2 3 4; do wait %$job || exit 1; done`], { cwd: root });
    assert.ok(statSync(deep).isDirectory());
  });

  const file = (folder: string) => {
    const path = join(folder, "file");
    writeFileSync(path, "");
    return path;
  };
  const places: [string, RegExp, (folder: string) => string][] = [
    ["below a file", /ENOTDIR/, (folder) => join(file(folder), "x")],
    ["that is a file", /no folder|ENOTDIR/, file],
    ...(existsSync("/proc/self") ? ([["where there are none", /ENOENT/, () => "/proc/none/x"]] as const) : []),
  ] as [string, RegExp, (folder: string) => string][];
  const commands: [string, string[]][] = [
    ["datastore", ["--port", "0"]],
    ["webserver", ["--insecure-disable-https", "--datastore", "127.0.0.1:1", "--external-addr", "127.0.0.1:1"]],
    ["loadbalancer", ["--insecure-disable-https", "--datastore", "127.0.0.1:1", "--port", "0"]],
    ["faults", ["--rounds", "1"]],
  ];
  for (const [where, why, path] of places)
    it(`${where} is refused by each command`, async (t) => {
      const dir = path(temporaryFolder(t));
      for (const [command, flags] of commands) {
        const said = await refusal([command, "--dir", dir, ...flags]);
        assert.match(said, /BAD_CONFIG: /, command);
        assert.match(said, why, command);
        assert.doesNotMatch(said, /"level":50/, `${command}: a fault of the configuration is none of the program`);
      }
    });
});
