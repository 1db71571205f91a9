// Goal: no password and no hash is in a log, an error, or anything that a user is shown. Method: a process of its own goes through logins, new
// passwords, conflicts and a crash with FRONTSYNC_LOG=trace, and all that it and its handlers print is searched.
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { FrontsyncError } from "../bus/index.ts";
import { loadSchemas } from "../schemas/index.ts";

const FLOWS = fileURLToPath(new URL("./support/secrets-flows.js", import.meta.url));

test("secrets are printed nowhere", async (t) => {
  const child = fork(FLOWS, { stdio: ["ignore", "pipe", "pipe", "ipc"], env: { ...process.env, FRONTSYNC_LOG: "trace" } });
  t.after(() => child.kill("SIGKILL"));
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text: string) => (printed += text));
  let secrets: string[] = [];
  child.on("message", (message: { secrets: string[] }) => (secrets = message.secrets));
  const [code] = (await once(child, "close")) as [number];
  assert.equal(code, 0, printed.slice(-2000));
  assert.ok(
    secrets.length === 7 && secrets.every((secret) => typeof secret === "string" && secret.length > 10),
    "there are secrets",
  );
  for (const expected of ["REVISION_CONFLICT", "LOGIN_FAILED", "BAD_MESSAGE", "UNKNOWN_INDEX", '"level":30', "a handler died"])
    assert.ok(printed.includes(expected), `${expected} is among what is printed`);
  for (const secret of secrets) {
    const at = printed.indexOf(secret);
    assert.equal(at, -1, `a secret is printed: …${printed.slice(Math.max(0, at - 300), at + 100)}`);
  }
});

test("a message that can't be read is not quoted", () => {
  assert.throws(
    () => loadSchemas().read("users.login.request", '{"user": "u", "password": open-it}'),
    (error) => error instanceof FrontsyncError && error.code === "BAD_MESSAGE" && !inspect(error).includes("open"),
  );
});
