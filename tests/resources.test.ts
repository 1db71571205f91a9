// Goal: what is uploaded on one webserver is read on another, the same bytes, stored once, in the object store's own layout. Method: two webservers;
// sizes around those of chunks and messages; NATS' own object store client reads what was stored.
import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import type { Bus } from "../bus/index.ts";
import { content, digest, pieces, sha256Of } from "./support/contents.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";

const CHUNK = 256 * 1024;

describe("resources", () => {
  let deployment: Deployment;
  let web1: Bus;
  let web2: Bus;
  before(async () => {
    deployment = await deploy({ webservers: 2 });
    [web1, web2] = deployment.buses as [Bus, Bus];
  });
  after(async () => await deployment[Symbol.asyncDispose]());

  it("of every size around the chunks' arrive on the other webserver", async () => {
    for (const size of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 4 * CHUNK, 4 * CHUNK + 1, 13 * CHUNK - 5]) {
      const progress: number[] = [];
      const options = { onProgress: (bytes: number) => void progress.push(bytes) };
      const written = await web1.resources.upload(content(size, size + 1), { name: `of ${size}` }, options);
      const { id, revision, sha256, version } = written;
      assert.deepEqual({ sha256, version, size: written.size }, { sha256: sha256Of(size, size + 1), version: 1, size });
      assert.equal(progress.at(-1), size);
      await web2.caughtUp(revision);
      const stream = await web2.resources.open(id);
      assert.deepEqual(await digest(stream), { sha256, size }, String(size));
      const path = await web2.resources.local(id);
      assert.ok(path);
      assert.equal((await readFile(path)).length, size);
      assert.ok(await web1.resources.local(id), "who uploaded it has it");
    }
  });

  it("are read in part", async () => {
    const bytes = Buffer.from("0123456789");
    const { id } = await web1.resources.upload(Readable.from([bytes.subarray(0, 3), bytes.subarray(3)]), { name: "digits" });
    const part = async (start?: number, end?: number) => {
      const options = { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
      const parts = await (await web1.resources.open(id, options)).toArray();
      return Buffer.concat(parts as Buffer[]).toString();
    };
    assert.equal(await part(), "0123456789");
    assert.equal(await part(3), "3456789");
    assert.equal(await part(0, 0), "0");
    assert.equal(await part(8, 100), "89");
    assert.equal(await part(10), "");
    assert.equal(await part(5, 4), "");
    for (const start of [-1, 1.5, Number.NaN]) await assert.rejects(part(start), { code: "BAD_MESSAGE", path: "/start" });
  });

  it("have a version for each content, which edits of the document leave alone", async () => {
    const name = "a/b *>. é \u0000 \"' ..";
    const first = await web1.resources.upload(content(10, 1), { name, description: "one", sha256: "x", version: 77 });
    const { id } = first;
    const doc = async () => (await web1.collection("resources").get(id))?.doc;
    assert.deepEqual(
      { ...(await doc()), createdAt: 0, updatedAt: 0 },
      {
        ...{ id, name, description: "one", lastModifiedBy: 0, createdAt: 0, updatedAt: 0 },
        ...{ sha256: first.sha256, size: 10, version: 1 },
      },
    );
    await web1.collection("resources").patch(id, { description: "two", sha256: "0".repeat(64), size: 3, version: 9 });
    await web1.collection("resources").put({ id, name: "n", version: 5, size: 1 });
    const { sha256, size, version } = (await doc()) ?? assert.fail("it is gone");
    assert.deepEqual({ sha256, size, version }, { sha256: first.sha256, size: 10, version: 1 });
    await web1.collection("resources").patch(id, { description: "three" });
    const second = await web1.resources.upload(content(11, 2), { name: "m" }, { id });
    assert.deepEqual([second.id, second.version, second.size], [id, 2, 11]);
    assert.equal((await doc())?.description, "three");
    const same = await web1.resources.upload(content(11, 2), { name: "m" }, { id });
    assert.equal(same.version, 2);
    await web2.caughtUp(same.revision);
    assert.deepEqual(await digest(await web2.resources.open(id)), { sha256: second.sha256, size: 11 });
  });

  it("with the same content store it once, and NATS' own client reads it", async () => {
    const size = 3 * CHUNK + 17;
    const before = web1.transfers.status().sentBytes;
    const first = await web1.resources.upload(content(size, 99), { name: "first" });
    assert.equal(web1.transfers.status().sentBytes - before, size);
    const again = await web1.resources.upload(content(size, 99), { name: "second" });
    const copy = await web1.resources.clone(first.id, { name: "third" });
    const untouched = new Readable({ read: () => assert.fail("it is not read") });
    const known = await web1.resources.upload(untouched, { name: "fourth" }, { sha256: first.sha256 });
    assert.equal(web1.transfers.status().sentBytes - before, size, "sent once");
    assert.deepEqual([...new Set([first, again, copy, known].map(({ sha256 }) => sha256))], [sha256Of(size, 99)]);
    assert.equal(new Set([first, again, copy, known].map(({ id }) => id)).size, 4);

    const nats = await deployment.rawFunctions();
    const store = await nats.jetstream().views.os("resources");
    const info = await store.info(first.sha256);
    assert.deepEqual([info?.size, info?.chunks, info?.deleted], [size, 4, false]);
    const blob = await store.getBlob(first.sha256);
    assert.deepEqual(await digest(Readable.from([Buffer.from(blob ?? [])])), { sha256: first.sha256, size });
    const listed = (await store.list()).map(({ name }) => name);
    assert.equal(new Set(listed).size, listed.length);
  });

  it("are taken and given no faster than the other side goes", async () => {
    const size = 4_000_000;
    const spool = join(deployment.dir, "web1", "resources", "spool");
    const written = () => readdirSync(spool).reduce((sum, name) => sum + statSync(join(spool, name)).size, 0);
    let [given, ahead] = [0, 0];
    async function* source() {
      for (const piece of pieces(size, 3)) {
        ahead = Math.max(ahead, given - written());
        given += piece.length;
        yield piece;
      }
    }
    const { id } = await web1.resources.upload(source(), { name: "n" });
    assert.equal(ahead, 0, "it is asked for more when what it gave is in the file");
    const stream = await web1.resources.open(id);
    let read = 0;
    for await (const bytes of stream) {
      read += (bytes as Buffer).length;
      await new Promise(setImmediate);
      assert.ok(stream.readableLength <= CHUNK, `${stream.readableLength} bytes were read ahead`);
    }
    assert.equal(read, size);
  });

  it("come to the other webserver's disk by themselves", async () => {
    const { id, revision } = await web1.resources.upload(content(CHUNK * 5, 123), { name: "eager" });
    await web2.caughtUp(revision);
    const path = await eventually("it is here", 60_000, () => web2.resources.local(id));
    assert.deepEqual(await digest(Readable.from([await readFile(path)])), { sha256: sha256Of(CHUNK * 5, 123), size: CHUNK * 5 });
  });

  it("that are not there are not found", async () => {
    await assert.rejects(web1.resources.open("none"), { code: "NOT_FOUND" });
    assert.equal(await web1.resources.local("none"), undefined);
    await assert.rejects(web1.resources.clone("none", { name: "n" }), { code: "NOT_FOUND" });
    await web1.collection("resources").put({ id: "empty", name: "no content yet" });
    assert.equal(await web1.resources.local("empty"), undefined);
    await assert.rejects(web1.resources.open("empty"), { code: "CONTENT_MISSING" });
    const first = await web1.resources.upload(content(3), { name: "x" }, { id: "empty" });
    assert.deepEqual([first.id, first.version], ["empty", 1]);
  });
});
