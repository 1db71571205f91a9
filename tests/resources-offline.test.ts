// Goal: an upload without a datastore waits on the disk and is read here as if it were stored; when the datastore is back its content goes up first and
// its document follows, once, in order; what is refused keeps its content. Method: webservers behind gates that are shut while they upload.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, describe, it } from "node:test";
import { type Bus, type BusOptions, connectBus, type Uploaded } from "../bus/index.ts";
import { hooks } from "../bus/wire/hooks.ts";
import { content, digest, sha256Of } from "./support/contents.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { freeze } from "./support/faults-processes.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { allCaughtUp, Gate, offline } from "./support/offline.ts";
import { makeUser } from "./support/people.ts";

const WAIT_MS = 60_000;
const SIZE = 600_000;

const docs = (bus: Bus) => bus.collection("resources");
const read = async (bus: Bus, id: string) => await digest(await bus.resources.open(id));
const filesOf = (dir: string) => readdirSync(join(dir, "resources")).filter((name) => /^[0-9a-f]{64}/.test(name));

/** A webserver with a gate of its own, in the folder of its name. */
async function behindGate(deployment: Deployment, webserver: string, options: Partial<BusOptions> = {}) {
  const gate = await Gate.to(deployment.datastore.address);
  const dir = join(deployment.dir, webserver);
  const open = async () => await connectBus({ datastore: gate.address, webserver, dir, updateInterval: 0.5, ...options });
  const bus = await open();
  const closing = async () => {
    await bus.close();
    await gate[Symbol.asyncDispose]();
  };
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  return { bus, gate, dir, open, [Symbol.asyncDispose]: closing };
}

describe("an upload without a datastore", { timeout: 900_000 }, () => {
  afterEach(() => {
    hooks.diskFull = hooks.keepContentsMs = undefined;
  });

  it("waits, is read here, and goes up when the datastore is back: each content once, before its document, in order", async () => {
    await using deployment = await deploy({ webservers: 1 });
    const [other] = deployment.buses as [Bus];
    const nobody = await makeUser(other);
    const owner = await makeUser(other);
    await using webserver = await behindGate(deployment, "web2");
    const { bus, gate, dir } = webserver;
    await bus.resources.upload(content(1000, 1), { name: "old", description: "kept" }, { id: "old" });
    await allCaughtUp([other, bus]);
    const before = bus.transfers.status().sentBytes;
    const done: Uploaded[] = [];
    await offline(bus, gate, async () => {
      const up = async (size: number, seed: number, name: string, id: string) => {
        const written = await bus.resources.upload(content(size, seed), { name }, { id });
        done.push(written);
        return written;
      };
      const name = 'new/ü *>.\u0000 "..';
      const first = await up(SIZE, 2, name, "new");
      assert.deepEqual(first, {
        id: "new",
        revision: null,
        mutationId: first.mutationId,
        sha256: sha256Of(SIZE, 2),
        size: SIZE,
        version: 1,
      });
      assert.deepEqual(await read(bus, "new"), { sha256: sha256Of(SIZE, 2), size: SIZE });
      assert.equal((await up(SIZE, 2, "equal", "equal")).version, 1);
      assert.equal(filesOf(dir).length, 2, "equal contents once");
      assert.equal((await up(SIZE + 1, 3, name, "new")).version, 2);
      assert.equal((await up(SIZE + 1, 3, name, "new")).version, 2);
      await docs(bus).patch("new", { description: "edited" });
      assert.equal((await up(0, 1, "old", "old")).version, 2);
      await up(7, 7, "gone", "gone");
      await docs(bus).delete("gone");
      await assert.rejects(bus.resources.open("gone"), { code: "NOT_FOUND" });
      assert.equal(await bus.resources.local("gone"), undefined);
      const unread = new Readable({ read: () => assert.fail("it is not read") });
      await bus.resources.upload(unread, { name: "known" }, { id: "known", sha256: sha256Of(SIZE, 2) });
      await assert.rejects(bus.resources.clone("new", { name: "copy" }), { code: "DATASTORE_UNREACHABLE" });

      const entry = (await docs(bus).get("new")) ?? assert.fail("it is not shown");
      const { sha256, size, version, description } = entry.doc;
      const expected = { sha256: sha256Of(SIZE + 1, 3), size: SIZE + 1, version: 2, description: "edited" };
      assert.deepEqual([entry.pending, entry.revision, { sha256, size, version, description }], [true, 0, expected]);
      assert.equal((await docs(bus).find(name))?.id, "new");
      assert.equal(readFileSync((await bus.resources.local("new")) ?? "").length, SIZE + 1);
      assert.equal((await (await bus.resources.open("new", { start: 5, end: 14 })).toArray()).join("").length > 0, true);
      const waiting = await bus.outbox.list();
      assert.deepEqual(
        waiting.map(({ op, id, content: what }) => [op, id, what?.size]),
        [
          ["put", "new", SIZE],
          ["put", "equal", SIZE],
          ["patch", "new", SIZE + 1],
          ["patch", "new", SIZE + 1],
          ["patch", "new", undefined],
          ["patch", "old", 0],
          ["put", "gone", 7],
          ["delete", "gone", undefined],
          ["put", "known", SIZE],
        ],
      );

      const own = await bus.asUser(owner).resources.upload(content(50, 5), { name: "own" }, { id: "own" });
      assert.equal(own.revision, null);
      assert.equal((await digest(await bus.asUser(owner).resources.open("own"))).size, 50);
      await assert.rejects(bus.asUser(nobody).resources.open("own"), { code: "NOT_FOUND" });
      await assert.rejects(bus.asUser(nobody).resources.upload(content(5), { name: "mine" }, { id: "own" }), {
        code: "NOT_FOUND",
      });
      const shared = { name: "all", readers: { global: true } };
      await assert.rejects(bus.asUser(owner).resources.upload(content(5), shared), { code: "GLOBAL_NEEDS_ADMIN" });
    });

    const store = await (await deployment.rawFunctions()).jetstream().views.os("resources");
    const seen: string[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const { id, doc } of docs(other).changes({ signal: stop.signal })) {
        if (doc?.sha256 === undefined) continue;
        const info = await store.info(doc.sha256);
        assert.equal(info?.deleted, false, `${id} is there before its content`);
        seen.push(`${id} ${doc.version}`);
      }
    })();
    await allCaughtUp([bus, other]);
    assert.deepEqual([await bus.outbox.list(), await bus.deadLetters.list(), bus.status().pending], [[], [], 0]);
    const sent = bus.transfers.status().sentBytes - before;
    assert.equal(sent, SIZE + (SIZE + 1) + 7 + 50, "equal contents are sent once");
    for (const [id, size, seed, version] of [
      ["new", SIZE + 1, 3, 2],
      ["equal", SIZE, 2, 1],
      ["known", SIZE, 2, 1],
      ["old", 0, 1, 2],
      ["own", 50, 5, 1],
    ] as const) {
      assert.deepEqual(await read(other, id), { sha256: sha256Of(size, seed), size }, id);
      assert.equal((await docs(other).get(id))?.doc.version, version, id);
    }
    assert.equal((await docs(other).get("new"))?.doc.description, "edited");
    assert.equal((await docs(other).get("old"))?.doc.description, "kept");
    assert.equal(await docs(other).get("gone"), undefined);
    const own = (await docs(other).get("own"))?.doc;
    assert.deepEqual([own?.ownerId, own?.lastModifiedBy], [owner, owner]);
    // Under its mutation an upload has had its one effect.
    const again = await bus.resources.upload(
      content(SIZE, 2),
      { name: "equal" },
      { id: "equal", mutationId: done[1]?.mutationId ?? "" },
    );
    assert.deepEqual([again.version, again.revision], [1, (await docs(other).get("equal"))?.revision]);
    await eventually("they were seen", WAIT_MS, () => seen.some((line) => line.startsWith("own")));
    stop.abort();
    await watching;
  });

  it("that is refused is a dead letter with its content, also after a restart, until it is stored or discarded", async () => {
    hooks.keepContentsMs = 300;
    await using deployment = await deploy({ webservers: 1 });
    const [other] = deployment.buses as [Bus];
    await using webserver = await behindGate(deployment, "web2");
    const { bus: first, gate, dir, open } = webserver;
    for (const id of ["changed", "deleted"]) await first.resources.upload(content(10, 1), { name: id }, { id });
    await allCaughtUp([other, first]);
    await offline(first, gate, async () => {
      for (const [n, id] of ["changed", "deleted", "made"].entries())
        await first.resources.upload(content(SIZE, 10 + n), { name: `my ${id}` }, { id });
      await first.resources.upload(content(SIZE, 19), { name: "fine" }, { id: "fine" });
      await other.resources.upload(content(20, 2), { name: "theirs" }, { id: "changed" });
      await docs(other).delete("deleted");
      await other.resources.upload(content(30, 3), { name: "theirs" }, { id: "made" });
    });
    await first.caughtUp(null, { timeoutMs: WAIT_MS });
    assert.equal((await read(other, "fine")).size, SIZE, "others go on");
    assert.equal((await read(first, "changed")).size, 20, "what is there counts");
    await first.close();

    await using bus = await open();
    await bus.caughtUp(null, { timeoutMs: WAIT_MS });
    const letters = (await bus.deadLetters.list()).sort((x, y) => (x.id < y.id ? -1 : 1));
    assert.deepEqual(
      letters.map(({ id, code, content: what }) => [id, code, what]),
      [
        ["changed", "REVISION_CONFLICT", { sha256: sha256Of(SIZE, 10), size: SIZE }],
        ["deleted", "NOT_FOUND", { sha256: sha256Of(SIZE, 11), size: SIZE }],
        ["made", "REVISION_CONFLICT", { sha256: sha256Of(SIZE, 12), size: SIZE }],
      ],
    );
    for (const { mutationId, content: what } of letters)
      assert.deepEqual(await digest(await bus.deadLetters.content(mutationId)), what);
    const [changed, deleted, made] = letters.map(({ mutationId }) => mutationId) as [string, string, string];
    assert.ok(((await bus.deadLetters.retry(changed)).revision ?? 0) > 0);
    assert.deepEqual(await read(bus, "changed"), { sha256: sha256Of(SIZE, 10), size: SIZE });
    assert.deepEqual(
      [(await docs(bus).get("changed"))?.doc.version, (await docs(bus).get("changed"))?.doc.name],
      [3, "my changed"],
    );
    await assert.rejects(bus.deadLetters.retry(deleted), { code: "NOT_FOUND" });
    await bus.deadLetters.discard(deleted);
    await bus.deadLetters.discard(made);
    await assert.rejects(bus.deadLetters.content(made), { code: "NOT_FOUND" });
    const kept = [10, 19]
      .map((seed) => sha256Of(SIZE, seed))
      .concat(sha256Of(30, 3))
      .sort();
    await eventually("their contents go, the others stay", WAIT_MS, () => String(filesOf(dir).sort()) === String(kept));
  });

  it("has a limit, tells a full disk, and takes more when there is room", async () => {
    await using deployment = await deploy({ resourceMaxBytes: 800_000 });
    await using webserver = await behindGate(deployment, "web1", { resourceOutboxMaxBytes: 1_000_000 });
    const { bus, gate } = webserver;
    await offline(bus, gate, async () => {
      hooks.diskFull = (file) => file.includes("web1");
      await assert.rejects(bus.resources.upload(content(10), { name: "no room" }), { code: "DISK_FULL" });
      hooks.diskFull = undefined;
      await assert.rejects(bus.resources.upload(content(800_001), { name: "n" }), { code: "TOO_LARGE", limit: 800_000 });
      const both = [1, 2].map((n) => bus.resources.upload(content(700_000, n), { name: `${n}` }));
      const [refused, ...more] = (await Promise.allSettled(both)).filter(({ status }) => status === "rejected");
      const { code, limit } = (refused as PromiseRejectedResult).reason;
      assert.deepEqual([code, limit, more.length], ["DISK_FULL", 1_000_000, 0]);
      await assert.rejects(bus.resources.upload(content(300_001), { name: "n" }), { code: "DISK_FULL" });
      await bus.resources.upload(content(300_000, 3), { name: "the rest" });
    });
    await bus.caughtUp(null, { timeoutMs: WAIT_MS });
    assert.equal((await docs(bus).list()).items.length, 2);
    assert.equal((await bus.resources.upload(content(800_000, 4), { name: "with contact" })).version, 1);
    // Smaller than it was when the upload was taken: the datastore has the last word.
    await offline(bus, gate, async () => await bus.resources.upload(content(700_000, 5), { name: "late" }, { id: "late" }));
    await bus.caughtUp(null, { timeoutMs: WAIT_MS });
    await deployment.stopDatastore();
    await eventually("it is degraded", WAIT_MS, () => bus.status().state === "degraded");
    const { mutationId } = await bus.resources.upload(content(790_000, 6), { name: "large" });
    await deployment.restartDatastore({ resourceMaxBytes: 600_000 });
    await bus.caughtUp(null, { timeoutMs: WAIT_MS });
    assert.deepEqual(
      (await bus.deadLetters.list()).map((letter) => [letter.mutationId, letter.code]),
      [[mutationId, "TOO_LARGE"]],
    );
    assert.equal((await digest(await bus.deadLetters.content(mutationId))).size, 790_000);
    const options = { datastore: "127.0.0.1:1", webserver: "web1", dir: join(deployment.dir, "bad") };
    for (const wrong of [-1, 1.5, "1" as unknown as number])
      await assert.rejects(connectBus({ ...options, resourceOutboxMaxBytes: wrong }), { code: "BAD_CONFIG" });
  });

  it("that began with one waits when contact is lost for too long, and goes on where it was", async () => {
    await using deployment = await deploy();
    await using webserver = await behindGate(deployment, "web1");
    const { bus, gate } = webserver;
    const size = 16_000_000;
    const onProgress = (bytes: number) => bytes >= size / 2 && gate.shut();
    const written = await bus.resources.upload(content(size, 4), { name: "n" }, { id: "half", onProgress, timeoutMs: 4000 });
    assert.deepEqual([written.revision, written.version, written.size], [null, 1, size]);
    assert.equal((await read(bus, "half")).sha256, written.sha256);
    const before = bus.transfers.status().sentBytes;
    gate.open();
    await bus.caughtUp(null, { timeoutMs: WAIT_MS });
    assert.equal((await docs(bus).get("half"))?.doc.sha256, written.sha256);
    const sent = bus.transfers.status().sentBytes - before;
    assert.ok(sent < 0.75 * size, `${sent} bytes were sent`);
  });

  it("waits also when the loss is noticed later than its own patience ends", async () => {
    await using deployment = await deploy({ webservers: 1 });
    const [bus] = deployment.buses as [Bus];
    {
      using _frozen = freeze([deployment.datastore.pids.natsServer]);
      const written = await bus.resources.upload(content(SIZE, 5), { name: "n" }, { id: "unnoticed", timeoutMs: 100 });
      assert.equal(written.revision, null);
      assert.equal((await read(bus, "unnoticed")).sha256, written.sha256);
    }
    await bus.caughtUp(null, { timeoutMs: WAIT_MS });
    assert.equal((await docs(bus).get("unnoticed"))?.pending, false);
  });
});
