// Goal: who may read a document may read its content, and nobody else; who may change it may give it another one. Knowing a hash gives nothing.
// Method: users on a webserver, and requests as a webserver could forge them.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Bus, FrontsyncError } from "../bus/index.ts";
import { encodeFrame } from "../bus/wire/frame.ts";
import { content, digest, sha256Of } from "./support/contents.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { makeUser } from "./support/people.ts";

describe("resources of users", () => {
  let deployment: Deployment;
  let bus: Bus;
  let owner: number;
  let reader: number;
  let stranger: number;
  before(async () => {
    deployment = await deploy({ webservers: 1, bus: { resources: "lazy" } });
    [bus] = deployment.buses as [Bus];
    [owner, reader, stranger] = [await makeUser(bus), await makeUser(bus), await makeUser(bus)];
  });
  after(async () => await deployment[Symbol.asyncDispose]());

  const refused = async (doing: Promise<unknown>) =>
    await doing.then(
      () => "done",
      (error: unknown) => (error instanceof FrontsyncError ? error.code : String(error)),
    );

  it("are read by those who may read the document", async () => {
    const meta = { name: "shared", readers: { users: [reader] } };
    const { id, sha256 } = await bus.asUser(owner).resources.upload(content(1000), meta);
    const doc = (await bus.collection("resources").get(id))?.doc;
    assert.deepEqual([doc?.ownerId, doc?.lastModifiedBy], [owner, owner]);
    const other = await deployment.connect("other");
    for (const on of [bus, other]) {
      for (const uid of [owner, reader, 1]) {
        assert.equal((await digest(await on.asUser(uid).resources.open(id))).sha256, sha256);
        assert.ok(await on.asUser(uid).resources.local(id));
      }
      assert.equal(await refused(on.asUser(stranger).resources.open(id)), "NOT_FOUND");
      assert.equal(await on.asUser(stranger).resources.local(id), undefined);
      assert.equal(await refused(on.asUser(stranger).resources.clone(id, { name: "mine" })), "NOT_FOUND");
      assert.equal(await refused(on.asUser(9999).resources.open(id)), "NOT_ALLOWED");
    }
    const copy = await bus.asUser(reader).resources.clone(id, { name: "mine" });
    assert.equal((await bus.collection("resources").get(copy.id))?.doc.ownerId, reader);
    const locked = await makeUser(bus, { locked: true });
    assert.equal(await refused(bus.asUser(locked).resources.open(id)), "NOT_ALLOWED");
  });

  it("are given a content by those who may change the document", async () => {
    const { id } = await bus.asUser(owner).resources.upload(content(10), { name: "n", readers: { users: [reader] } });
    const upload = (uid: number) => bus.asUser(uid).resources.upload(content(20), { name: "n" }, { id });
    assert.equal(await refused(upload(reader)), "NOT_ALLOWED");
    assert.equal(await refused(upload(stranger)), "NOT_FOUND");
    assert.equal((await upload(owner)).version, 2);
    const open = { name: "n", readers: { global: true } };
    assert.equal(await refused(bus.asUser(stranger).resources.upload(content(5), open)), "GLOBAL_NEEDS_ADMIN");
  });

  it("show their bytes to get a content by its hash", async () => {
    const { sha256 } = await bus.asUser(owner).resources.upload(content(300_000, 5), { name: "secret" });
    const lie = bus.asUser(stranger).resources.upload(content(10), { name: "n" }, { sha256 });
    assert.equal(await refused(lie), "CONTENT_MISMATCH");
    const sent = bus.transfers.status().sentBytes;
    const shown = await bus.asUser(stranger).resources.upload(content(300_000, 5), { name: "n" }, { sha256 });
    assert.equal(shown.sha256, sha256);
    assert.equal(bus.transfers.status().sentBytes, sent);
    const { id } = await bus.collection("resources").put({ name: "by hash", sha256 });
    assert.equal((await bus.collection("resources").get(id))?.doc.sha256, undefined);
  });

  it("are not read by a forged request", async () => {
    const { id, sha256 } = await bus.asUser(owner).resources.upload(content(500, 6), { name: "private" });
    const own = await bus.asUser(stranger).resources.upload(content(7), { name: "own" });
    const nats = await deployment.rawWebserver("web9");
    const ask = async (verb: string, body: object, bytes?: Uint8Array, timeout = 60_000) => {
      const data = bytes ? encodeFrame(body, bytes) : JSON.stringify(body);
      const { headers } = await nats.request(`ds.req._.${verb}.web9`, data, { timeout });
      return headers?.get("Nats-Service-Error-Code") || "done";
    };
    const read = { id, by: stranger, sha256, from: 0 };
    assert.equal(await ask("content-read", { ...read, by: owner }), "done");
    assert.equal(await ask("content-read", read), "NOT_FOUND");
    assert.equal(await ask("content-read", { ...read, id: own.id }), "NOT_FOUND", "the hash of another document");
    assert.equal(await ask("content-read", { ...read, id: "none" }), "NOT_FOUND");
    assert.equal(await ask("content-check", { id, by: stranger, sha256 }), "NOT_FOUND");
    const commit = { mutation: "m:1", by: stranger, id: "stolen", fields: { id: "stolen", name: "n" }, existed: false, from: id };
    assert.equal(await ask("content-commit", commit), "NOT_FOUND");
    await assert.rejects(ask("../x", {}, undefined, 500), "no other subject");

    const size = 2_000_000;
    const chunks = { sha256: sha256Of(9, 9), size, from: 0 };
    assert.equal(await ask("content-chunks", chunks), "BAD_MESSAGE");
    assert.equal(await ask("content-chunks", chunks, new Uint8Array(10)), "BAD_MESSAGE", "no whole chunk");
    assert.equal(await ask("content-chunks", { ...chunks, size: 5 }, new Uint8Array(10)), "CONTENT_MISMATCH");
    assert.equal(await ask("content-chunks", { ...chunks, size: 2 ** 40 }, new Uint8Array(262_144)), "TOO_LARGE");
    assert.equal(await ask("content-begin", { sha256, size: 2 ** 40 }), "TOO_LARGE");
    assert.equal(await ask("content-end", { ...chunks, from: undefined, size: 2 ** 40 }), "TOO_LARGE");
    const lie = { sha256: sha256Of(9, 9), size: 9 };
    assert.equal(await ask("content-chunks", { ...lie, from: 0 }, new Uint8Array(9)), "done");
    assert.equal(await ask("content-end", { ...lie, size: 8 }), "CONTENT_MISMATCH");
    assert.equal(await ask("content-end", lie), "CONTENT_MISSING", "what was no content was taken away");
    const honest = await bus.resources.upload(content(9, 9), { name: "honest" });
    assert.equal((await digest(await bus.resources.open(honest.id))).sha256, lie.sha256);
  });
});
