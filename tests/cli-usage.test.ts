// Goal: whoever types `frontsync` wrongly, or not at all, learns what to type, and a script can tell from the exit code.
// Method: the built command is run as a user runs it; nothing here starts a datastore.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { VERSION } from "../bus/platform/package.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const COMMAND = fileURLToPath(new URL("../scripts/frontsync.js", import.meta.url));
const COMMANDS = [
  ["demo"],
  ["datastore"],
  ["webserver"],
  ["status"],
  ["doctor"],
  ["faults"],
  ["config", "check"],
  ["import", "dashboards"],
  ["resources", "put"],
  ["outbox", "ls"],
  ["outbox", "export"],
  ["outbox", "retry"],
  ["outbox", "discard"],
  ["backup"],
  ["restore"],
  ["fuse", "ls"],
  ["fuse", "close"],
  ["reseed"],
  ["rescue", "unlock"],
  ["rescue", "set-password"],
  ["rescue", "clear-failures"],
];

interface Ended {
  code: number | string;
  stdout: string;
  stderr: string;
}

async function frontsync(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const options = { env: { ...process.env, ...env }, timeout: 300_000 };
  const ended = promisify(execFile)(process.execPath, [COMMAND, ...args], options);
  return ended.then(
    (output) => ({ code: 0, ...output }),
    (error: Ended) => error,
  );
}

describe("frontsync", { concurrency: 4 }, () => {
  test("prints its version", async () => {
    assert.deepEqual(await frontsync(["--version"]), { code: 0, stdout: `${VERSION}\n`, stderr: "" });
  });

  test("prints its commands on stderr and fails without one", async () => {
    const { code, stdout, stderr } = await frontsync([]);
    assert.deepEqual([code, stdout], [2, ""]);
    for (const [name = ""] of COMMANDS) assert.match(stderr, new RegExp(`^  ${name}\\b`, "m"));
  });

  for (const command of COMMANDS) {
    const name = command.join(" ");
    test(`${name} --help explains every flag and has examples`, async () => {
      const { code, stdout, stderr } = await frontsync([...command, "--help"]);
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, new RegExp(`^Usage: frontsync ${name} `));
      assert.match(stdout, new RegExp(`^Examples:\\n  frontsync ${name}`, "m"));
      for (const [, flag, text] of stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)[^\n]*?(?: {2,}|\n {2,})(\S.*)$/gm)) {
        assert.ok(text, `${flag} is explained`);
      }
    });

    test(`${name} refuses a flag that it does not have`, async () => {
      const { code, stdout, stderr } = await frontsync([...command, "--bogus"]);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.equal(stderr, `frontsync: BAD_CONFIG: unknown option '--bogus'. See \`frontsync ${name} --help\`.\n`);
    });
  }

  test("says what was meant when a command does not exist", async () => {
    const { code, stderr } = await frontsync(["dmeo"]);
    assert.equal(code, 2);
    assert.match(stderr, /^frontsync: BAD_CONFIG: unknown command 'dmeo' \(Did you mean demo\?\)\. See `frontsync --help`\.\n$/);
  });

  for (const args of [
    ["dmeo", "--help"],
    ["-h", "dmeo"],
    ["help", "dmeo"],
    ["config", "chekc", "--help"],
    ["import", "x", "-h"],
  ]) {
    test(`has no help for what is no command: ${args.join(" ")}`, async () => {
      const { code, stdout, stderr } = await frontsync(args);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, /^frontsync: BAD_CONFIG: unknown command '/);
    });
  }

  test("tells a program of a usage fault in JSON", async () => {
    const { code, stdout } = await frontsync(["status", "--json", "--port", "1"]);
    assert.equal(code, 2);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
    assert.equal(error.code, "BAD_CONFIG");
    assert.match(error.message, /--port/);
  });

  for (const args of [
    ["demo", "--port", "70000"],
    ["demo", "--port", "x"],
    ["demo", "--nats", "127.0.0.1"],
    ["datastore", "--handlers", "0"],
    ["datastore", "--handlers", "65"],
    ["datastore", "--sync", "sometimes"],
    ["datastore", "--nats", "127.0.0.1:4222", "--port", "1"],
    ["status", "--datastore", "no spaces"],
    ["status", "--datastore", "host:0"],
    ["status", "extra"],
    ["import", "dashboards"],
    ["backup"],
    ["restore"],
    ["restore", "file", "--abort"],
    ["reseed", "--close", "--from", "a"],
    ["outbox", "retry", "folder"],
    ["outbox", "discard", "folder", "mutation", "--all"],
    ["rescue", "unlock"],
  ]) {
    test(`refuses ${args.join(" ")}`, async () => {
      const { code, stderr } = await frontsync(args);
      assert.equal(code, 2);
      assert.match(stderr, /^frontsync: BAD_CONFIG: [^\n]+\n$/);
    });
  }

  test("has no flag for the secret itself, and refuses a file without one", async (t) => {
    const empty = join(temporaryFolder(t), "empty");
    writeFileSync(empty, "\n");
    for (const file of [empty, `${empty}-that-is-not-there`]) {
      const { code, stderr } = await frontsync(["status", "--control-auth-file", file]);
      assert.equal(code, 1);
      assert.match(stderr, /^frontsync: BAD_CONFIG: /);
    }
    assert.equal((await frontsync(["status", "--control-auth", "secret"])).code, 2);
  });
});
