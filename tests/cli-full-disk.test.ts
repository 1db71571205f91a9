// Goal: a full disk under what a command prints, logs or keeps for a moment ends no service, is told for what it is, and no half-done restore is left
// unsaid. Method: /dev/full as standard output and error; a tmpfs of some kilobytes as the folder for temporary files.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Bus, connectBus } from "../bus/index.ts";
import { freePorts } from "../scripts/support/free-ports.ts";
import { fill } from "./support/backups.ts";
import { type Ended, startCommandWith } from "./support/command.ts";
import { deploy } from "./support/deployment.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";
import { smallDisk } from "./support/small-disk.ts";

const COMMAND = fileURLToPath(new URL("../scripts/frontsync.js", import.meta.url));
const FULL = "/dev/full";

describe("on a full disk", () => {
  it("a datastore goes on serving, whatever it can't print or log, and stops in order", async (t) => {
    if (!existsSync(FULL)) return t.skip(`there is no ${FULL} here`);
    const full = openSync(FULL, "w");
    const [port = 0] = await freePorts([0]);
    const dir = temporaryFolder(t);
    const args = ["datastore", "--port", String(port), "--sync", "default", "--log-level", "trace", "--dir", join(dir, "store")];
    const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ["ignore", full, full] });
    t.after(() => child.kill("SIGKILL"));
    const ended = once(child, "close");
    await using bus = await connectBus({ datastore: `127.0.0.1:${port}`, webserver: "web1", dir: join(dir, "web1") });
    await bus.caughtUp(null, { timeoutMs: 60_000 });
    for (let n = 0; n < 20; n++) await bus.collection("dashboards").put({ name: `Dashboard ${n}` });
    assert.equal(child.exitCode, null);
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [1, null], "it was no signal that ended it; what it printed is lost");
  });

  it("a command whose output finds no room fails, and says so", async (t) => {
    if (!existsSync(FULL)) return t.skip(`there is no ${FULL} here`);
    const child = spawn(process.execPath, [COMMAND, "config", "check"], { stdio: ["ignore", openSync(FULL, "w"), "pipe"] });
    const [said, [code]] = await Promise.all([text(child.stderr as Readable), once(child, "close")]);
    assert.equal(code, 1);
    assert.match(said, /^frontsync: DISK_FULL: Not all could be printed: .*ENOSPC.*\n$/);
  });
});

describe("with a limit on the size of files", () => {
  it("what does not fit is refused as on a full disk, by an outbox that then goes on", async (t) => {
    const dir = temporaryFolder(t);
    const bus = new URL("../bus/index.js", import.meta.url).href;
    const writer = `const { connectBus } = await import(${JSON.stringify(bus)});
      const bus = await connectBus({ datastore: "127.0.0.1:1", webserver: "web1", dir: process.argv[1] });
      const put = (data) => bus.collection("dashboards").put({ name: "x", data });
      await put("small");
      console.log(await put("x".repeat(1_000_000)).catch(({ code }) => code), bus.status().pending);
      await put("small").then(() => console.log("goes on"));
      await bus.close();`;
    const args = ["-c", 'ulimit -f 1000; exec "$0" --input-type=module -e "$1" "$2"', process.execPath, writer];
    const { stdout } = await promisify(execFile)("sh", [...args, join(dir, "web1")], { timeout: 120_000 });
    assert.equal(stdout, "DISK_FULL 1\ngoes on\n");
  });
});

describe("with little room for temporary files", () => {
  const within = (TMPDIR: string, ...args: string[]): Promise<Ended> =>
    startCommandWith({ ...process.env, TMPDIR }, ...args).ended;
  const said = async (t: TestContext, kb: number, ...args: string[]): Promise<Ended | undefined> => {
    const disk = smallDisk(t, kb);
    if (disk === undefined) return undefined;
    const ended = await within(disk, ...args);
    assert.deepEqual(readdirSync(disk), [], "nothing of it stays");
    return ended;
  };

  it("a backup and a restore say that the disk is full; of a restore it is told that it is not over", async (t) => {
    await using deployment = await deploy({ webservers: 1, sync: "default" });
    const [bus] = deployment.buses as [Bus];
    await fill(bus);
    await bus.collection("dashboards").put({ id: "large", name: "Large", data: "x".repeat(1_000_000) });
    const on = ["--datastore", deployment.datastore.address];
    const file = join(deployment.dir, "backup.jsonl");
    assert.equal((await within(deployment.dir, "backup", file, ...on)).code, 0);

    const small = await said(t, 500, "backup", join(deployment.dir, "another"), ...on);
    if (!small) return t.skip("no file system may be mounted here");
    assert.equal(small.code, 1);
    assert.match(small.stderr, /^frontsync: DISK_FULL: .*TMPDIR/);
    assert.ok(!existsSync(join(deployment.dir, "another")));
    const replaced = await said(t, 500, "restore", file, "--mode", "replace", "--dry-run", ...on);
    assert.match(String(replaced?.stderr), /^frontsync: DISK_FULL: .*TMPDIR/m);

    // Room for what it needs to begin, and not for a content.
    const broken = await said(t, 500, "restore", file, ...on);
    assert.equal(broken?.code, 1);
    assert.match(broken.stderr, /frontsync: DISK_FULL: .*TMPDIR.*The restore is not over, and nobody else writes until it is/);
    assert.match((await within(deployment.dir, "status", ...on)).stdout, /RESTORING/);
    const again = await within(deployment.dir, "restore", file, ...on);
    assert.deepEqual([again.code, /^Going on with the restore/.test(again.stderr)], [0, true]);
  });

  it("a folder for them that is not there is a fault of the configuration", async (t) => {
    const { code, stderr } = await within(join(temporaryFolder(t), "none"), "status", "--datastore", "127.0.0.1:1");
    assert.equal(code, 1);
    assert.match(stderr, /^frontsync: BAD_CONFIG: .*TMPDIR\.\n$/);
  });
});
