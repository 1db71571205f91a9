// Goal: nothing that is wrong with a content leaves anything visible, and each fault has its code. Method: contents that break in the middle, that
// are too large, or are not what was announced; disks without room on either side, which get room again.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, createReadStream, mkdirSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, afterEach, before, describe, it } from "node:test";
import type { Bus } from "../bus/index.ts";
import { hooks } from "../bus/wire/hooks.ts";
import { content, digest, pieces, sha256Of } from "./support/contents.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";

const LIMIT = 3_000_000;

describe("a content that is wrong", () => {
  let deployment: Deployment;
  let web1: Bus;
  let web2: Bus;
  before(async () => {
    deployment = await deploy({ webservers: 2, resourceMaxBytes: LIMIT });
    [web1, web2] = deployment.buses as [Bus, Bus];
  });
  after(async () => await deployment[Symbol.asyncDispose]());
  afterEach(async () => {
    hooks.diskFull = undefined;
    const { items } = await web1.collection("resources").list();
    assert.deepEqual(
      items.map(({ doc }) => doc.name).filter((name) => name.startsWith("bad")),
      [],
      "no document appeared",
    );
    for (const bus of ["web1", "web2"]) assert.deepEqual(await readdir(join(deployment.dir, bus, "resources", "spool")), []);
  });

  it("is refused when the stream fails, gives no bytes, or stands still", async () => {
    async function* failing() {
      yield* pieces(100_000);
      throw new Error("the disk is gone");
    }
    const upload = (given: unknown, options = {}) => web1.resources.upload(given as Readable, { name: "bad" }, options);
    await assert.rejects(upload(failing()), { code: "BAD_MESSAGE", message: /the disk is gone/ });
    await assert.rejects(upload(Readable.from(["text"])), { code: "BAD_MESSAGE" });
    await assert.rejects(upload(undefined), { code: "BAD_MESSAGE" });
    await assert.rejects(upload(new Readable({ read() {} }), { timeoutMs: 200 }), { code: "TIMEOUT" });
    const aborted = AbortSignal.timeout(100);
    await assert.rejects(upload(new Readable({ read() {} }), { signal: aborted }), { name: "TimeoutError" });
  });

  it("is refused when what is said of it is wrong, before it is read", async () => {
    const unread = () => new Readable({ read: () => assert.fail("it is not read") });
    await assert.rejects(web1.resources.upload(unread(), { name: "" }), { code: "SCHEMA_INVALID", path: "/name" });
    await assert.rejects(web1.resources.upload(unread(), { name: "bad", labels: 5 }), {
      code: "SCHEMA_INVALID",
      path: "/labels",
    });
    await assert.rejects(web1.resources.upload(unread(), { name: "bad" }, { id: "" }), { code: "BAD_ID" });
    await assert.rejects(web1.resources.upload(unread(), { name: "bad" }, { sha256: "abc" }), { code: "BAD_MESSAGE" });
    await assert.rejects(web1.resources.upload(unread(), { name: "bad" }, { ifRevision: -1 }), { code: "BAD_MESSAGE" });
    await assert.rejects(web1.resources.upload(content(5), { name: "bad" }, { sha256: sha256Of(6) }), {
      code: "CONTENT_MISMATCH",
    });
    await assert.rejects(web1.resources.upload(content(5), { name: "bad" }, { ifRevision: 7 }), { code: "REVISION_CONFLICT" });
  });

  it("is refused over the limit, before any of it is sent, and taken at it", async () => {
    const { sentBytes } = web1.transfers.status();
    await assert.rejects(web1.resources.upload(content(LIMIT + 1), { name: "bad" }), { code: "TOO_LARGE", limit: LIMIT });
    assert.equal(web1.transfers.status().sentBytes, sentBytes);
    const { size } = await web1.resources.upload(content(LIMIT), { name: "at the limit" });
    assert.equal(size, LIMIT);
  });

  it("that shrinks or grows while it is read is what was read of it, or is refused where its hash was told", async () => {
    const file = join(deployment.dir, "source");
    const changing = async function* (change: () => void) {
      writeFileSync(file, Buffer.concat([...pieces(1_000_000, 41)]));
      let first = true;
      for await (const bytes of createReadStream(file, { highWaterMark: 100_000 })) {
        yield bytes as Buffer;
        if (first) change();
        first = false;
      }
    };
    const shrink = () => truncateSync(file, 400_000);
    const grow = () => appendFileSync(file, Buffer.alloc(500_000));
    for (const [change, least, most] of [
      [shrink, 100_000, 400_000],
      [grow, 1_000_000, 1_500_000],
    ] as const) {
      const { id, sha256, size } = await web1.resources.upload(changing(change), { name: "good" });
      assert.ok(size >= least && size <= most, String(size));
      assert.deepEqual(await digest(await web1.resources.open(id)), { sha256, size });
      const told = web1.resources.upload(changing(change), { name: "bad" }, { sha256: sha256Of(1_000_000, 41) });
      await assert.rejects(told, { code: "CONTENT_MISMATCH" });
    }
  });

  it("is refused when its file here changes while it is sent, and is not visible", async () => {
    const folder = join(deployment.dir, "web1", "resources", "spool");
    for (const [n, harm] of [
      (path: string) => truncateSync(path, 1_200_000),
      (path: string) => writeFileSync(path, Buffer.alloc(2_500_000)),
    ].entries()) {
      let harmed = false;
      const onProgress = () => {
        for (const name of harmed ? [] : readdirSync(folder)) harm(join(folder, name));
        harmed = true;
      };
      const upload = web1.resources.upload(content(2_500_000, 50 + n), { name: "bad" }, { onProgress });
      await assert.rejects(upload, { code: "CONTENT_MISMATCH" });
      const whole = await web1.resources.upload(content(2_500_000, 50 + n), { name: "good" });
      await web2.caughtUp(whole.revision);
      assert.equal((await digest(await web2.resources.open(whole.id))).sha256, whole.sha256);
    }
  });

  it("finds no room on a small disk, in either direction, and comes when there is some", async (t) => {
    const folder = join(deployment.dir, "web3", "resources");
    mkdirSync(folder, { recursive: true });
    const mount = (...args: string[]) => spawnSync("mount", [...args, folder]).status === 0;
    if (!mount("-t", "tmpfs", "-o", "size=1m", "tmpfs")) return t.skip("no file system may be mounted here");
    t.after(() => spawnSync("umount", ["-l", folder]));
    const web3 = await deployment.connect("web3", { resources: "lazy" });
    const { id } = await web1.resources.upload(content(2_000_000, 61), { name: "good" }, { id: "small-disk" });
    await web3.caughtUp();
    await assert.rejects(web3.resources.open(id), { code: "DISK_FULL" });
    await assert.rejects(web3.resources.upload(content(2_000_000, 62), { name: "bad" }), { code: "DISK_FULL" });
    assert.equal(await web3.resources.local(id), undefined);
    for (const part of ["spool", "partial"]) assert.deepEqual(readdirSync(join(folder, part)), [], "nothing keeps the disk full");
    assert.ok(mount("-o", "remount,size=8m"));
    assert.equal((await digest(await web3.resources.open(id))).sha256, sha256Of(2_000_000, 61));
    const { revision } = await web3.resources.upload(content(2_000_000, 62), { name: "good" });
    assert.ok((revision ?? 0) > 0);
    await web3.close();
  });

  it("finds no room on the webserver that uploads it, and goes up when there is some", async () => {
    hooks.diskFull = (file) => file.includes("web1");
    await assert.rejects(web1.resources.upload(content(400_000, 31), { name: "bad" }), { code: "DISK_FULL" });
    hooks.diskFull = undefined;
    await web1.resources.upload(content(400_000, 31), { name: "good" });
  });

  it("finds no room on a webserver that fetches it, and comes when there is some", async () => {
    hooks.diskFull = (file) => file.includes("web2");
    const { id, revision, sha256 } = await web1.resources.upload(content(700_000, 32), { name: "good" });
    await web2.caughtUp(revision);
    await assert.rejects(web2.resources.open(id), { code: "DISK_FULL" });
    await eventually("a warning", 60_000, () => web2.status().warnings.some(({ code }) => code === "DISK_FULL"));
    assert.equal(await web2.resources.local(id), undefined);
    hooks.diskFull = undefined;
    await eventually("it is fetched", 180_000, () => web2.resources.local(id));
    assert.equal((await digest(await web2.resources.open(id))).sha256, sha256);
    await eventually("no warning is left", 60_000, () => !web2.status().warnings.some(({ code }) => code === "DISK_FULL"));
  });

  it("finds no room in the datastore, and goes up when there is some", async () => {
    const { streams } = await (await deployment.rawFunctions()).jetstreamManager();
    const { state } = await streams.info("OBJ_resources");
    await streams.update("OBJ_resources", { max_bytes: state.bytes + 1_000_000 });
    await assert.rejects(web1.resources.upload(content(2_500_000, 33), { name: "bad" }), { code: "DISK_FULL" });
    await streams.update("OBJ_resources", { max_bytes: -1 });
    const { id, revision } = await web1.resources.upload(content(2_500_000, 33), { name: "good" });
    await web2.caughtUp(revision);
    assert.equal((await digest(await web2.resources.open(id))).size, 2_500_000);
  });
});
