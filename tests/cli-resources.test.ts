// Goal: files go into the datastore and come out of it by the command, byte for byte. Method: a real datastore; the built command runs as a user
// runs it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { sha256 } from "../schemas/digest.ts";
import { pieces } from "./support/contents.ts";
import { deploy } from "./support/deployment.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const COMMAND = fileURLToPath(new URL("../scripts/frontsync.js", import.meta.url));

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

it("frontsync resources ls, put, get, rm", async (t) => {
  await using deployment = await deploy();
  const folder = temporaryFolder(t);
  const resources = async (...args: string[]): Promise<Ended> => {
    const all = [COMMAND, "resources", ...args, "--datastore", deployment.datastore.address];
    return await promisify(execFile)(process.execPath, all, { timeout: 60_000, cwd: folder, maxBuffer: 16 << 20 }).then(
      (output) => ({ code: 0, ...output }),
      (error: Ended) => error,
    );
  };
  const file = join(folder, "lookup table.csv");
  const bytes = Buffer.concat([...pieces(1_500_000)]);
  writeFileSync(file, bytes);

  const put = await resources("put", file, "--json");
  assert.equal(put.code, 0, put.stderr);
  const figures = JSON.parse(put.stdout) as { version: number; size: number; sha256: string };
  assert.deepEqual([figures.version, figures.size, figures.sha256], [1, bytes.length, sha256(bytes).toString("hex")]);
  writeFileSync(file, bytes.subarray(1));
  assert.match((await resources("put", file)).stdout, /^lookup table\.csv: 1\.4 MB, version 2, [0-9a-f]{64}\n$/);

  assert.match((await resources("ls")).stdout, /^NAME .*\nlookup table\.csv +1\.4 MB +2 .*\n$/);
  const { resources: listed } = JSON.parse((await resources("ls", "--json")).stdout) as { resources: { name: string }[] };
  assert.deepEqual(
    listed.map(({ name }) => name),
    ["lookup table.csv"],
  );

  assert.equal((await resources("get", "lookup table.csv", "--output", "copy")).code, 0);
  assert.deepEqual(readFileSync(join(folder, "copy")), bytes.subarray(1));
  assert.equal((await resources("get", "nothing")).code, 1);
  assert.match((await resources("get", "nothing")).stderr, /^frontsync: NOT_FOUND: /);
  assert.match((await resources("put", join(folder, "none"))).stderr, /^frontsync: BAD_CONFIG: /);
  // It says that it has no bytes, and has some: so it looks as if it grew.
  if (process.platform === "linux")
    assert.match(
      (await resources("put", "/proc/self/status")).stderr,
      /^frontsync: BAD_MESSAGE: .* was changed while it was read/,
    );
  assert.equal((await resources("rm", "lookup table.csv")).code, 0);
  assert.deepEqual(JSON.parse((await resources("ls", "--json")).stdout), { resources: [] });
});
