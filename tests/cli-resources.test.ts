// Goal: files go into the datastore and come out of it by the command, byte for byte. Method: a real datastore; the built command runs as a user
// runs it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Bus, connectBus, type Written } from "../bus/index.ts";
import { sha256 } from "../schemas/digest.ts";
import { untilStored } from "../scripts/support/until-stored.ts";
import { startCommand } from "./support/command.ts";
import { content, pieces } from "./support/contents.ts";
import { deploy } from "./support/deployment.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";
import { allCaughtUp, Gate, offline } from "./support/offline.ts";

const COMMAND = fileURLToPath(new URL("../scripts/frontsync.js", import.meta.url));

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

it("frontsync resources ls, put, get, rm", async (t) => {
  await using deployment = await deploy();
  const folder = temporaryFolder(t);
  const on = ["--datastore", deployment.datastore.address];
  const resources = async (...args: string[]): Promise<Ended> => {
    const all = [COMMAND, "resources", ...args, ...on];
    return await promisify(execFile)(process.execPath, all, { timeout: 300_000, cwd: folder, maxBuffer: 16 << 20 }).then(
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
  const { child, ended } = startCommand("resources", "get", "lookup table.csv", "--output", "-", ...on);
  child.stdout?.once("data", () => child.stdout?.destroy());
  const { code, stderr } = await ended;
  assert.deepEqual([code, stderr], [0, ""], "a reader that has seen enough is no fault");
  const both = await Promise.all([1, 2].map(() => resources("get", "lookup table.csv", "--output", "both")));
  for (const one of both) assert.deepEqual([one.code, one.stderr], [0, ""]);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("both")),
    ["both"],
  );
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

it("a write of a command that was queued ends when it is stored, and is told when it is not", async () => {
  await using deployment = await deploy({ webservers: 1 });
  const [other] = deployment.buses as [Bus];
  await using gate = await Gate.to(deployment.datastore.address);
  const options = { datastore: gate.address, webserver: "command", dir: join(deployment.dir, "command"), updateInterval: 0.5 };
  await using bus = await connectBus(options);
  await allCaughtUp([bus]);
  const { signal } = new AbortController();
  const notes: string[] = [];
  const note = (text: string) => void notes.push(text);
  const until = async (written: Written, timeoutMs: number) =>
    await untilStored(bus, written, "resources", { signal, timeoutMs, note });
  const [stored, refused] = await offline(bus, gate, async () => {
    const mine = await bus.resources.upload(content(10), { name: "a" }, { id: "a" });
    const late = await bus.resources.upload(content(20), { name: "b" }, { id: "b" });
    await assert.rejects(until(mine, 100), { code: "DATASTORE_UNREACHABLE" });
    await other.resources.upload(content(30), { name: "theirs" }, { id: "b" });
    return [mine, late] as const;
  });
  assert.ok((await until(stored, 60_000)) > 0);
  await assert.rejects(until(refused, 60_000), { code: "REVISION_CONFLICT" });
  assert.match(notes.at(-1) ?? "", /^The datastore can't be reached\. Waiting for it, .*60.* at most; Ctrl-C gives up\.$/);
});
