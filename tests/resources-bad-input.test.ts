// Goal: nothing that is wrong with a content leaves anything visible, and each fault has its code. Method: contents that break in the middle, that
// are too large, or are not what was announced; disks without room on either side, which get room again.
import assert from "node:assert/strict";
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
    await eventually("a warning", 5000, () => web2.status().warnings.some(({ code }) => code === "DISK_FULL"));
    assert.equal(await web2.resources.local(id), undefined);
    hooks.diskFull = undefined;
    await eventually("it is fetched", 10_000, () => web2.resources.local(id));
    assert.equal((await digest(await web2.resources.open(id))).sha256, sha256);
    assert.ok(!web2.status().warnings.some(({ code }) => code === "DISK_FULL"));
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

  it("is not sent without a datastore", async () => {
    await deployment.stopDatastore();
    await eventually("it is noticed", 10_000, () => web1.status().state === "degraded");
    await assert.rejects(web1.resources.upload(content(5), { name: "bad" }), { code: "DATASTORE_UNREACHABLE" });
    const at = (await web1.collection("resources").find("at the limit")) ?? assert.fail("it is gone");
    assert.equal((await digest(await web1.resources.open(at.id))).size, LIMIT, "what is here is read");
  });
});
