// Goal: a content that no document refers to goes after the grace period, and no document is ever left without its content; one that the store lost
// comes back from a webserver that has it. Method: a grace period of a second; 100 uploads of the same bytes, each deleted again, race
// with the collector; chunks and records that are taken away behind the functions' back.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { NatsConnection } from "nats";
import type { Bus } from "../bus/index.ts";
import { readRecord, type StoredRecord, writeRecord } from "../bus/wire/contents.ts";
import { Collector } from "../functions/store/collector.ts";
import { Contents } from "../functions/store/contents.ts";
import { loadSchemas } from "../schemas/index.ts";
import { content, digest, sha256Of } from "./support/contents.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { connectFunctions } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";

const SIZE = 600_000;

describe("contents", { timeout: 900_000 }, () => {
  let deployment: Deployment;
  let web1: Bus;
  let web2: Bus;
  let nats: NatsConnection;
  before(async () => {
    deployment = await deploy({
      webservers: 2,
      handlers: 2,
      resourceGraceSeconds: 1,
      bus: { updateInterval: 0.3 },
    });
    [web1, web2] = deployment.buses as [Bus, Bus];
    nats = await deployment.rawFunctions();
  });
  after(async () => await deployment[Symbol.asyncDispose]());

  const info = async (sha256: string) => await (await nats.jetstream().views.os("resources")).info(sha256);
  const chunks = async () => (await (await nats.jetstreamManager()).streams.info("OBJ_resources")).state.num_subjects;

  it("that no document refers to are collected, others stay", async () => {
    const kept = await web1.resources.upload(content(SIZE, 1), { name: "kept" });
    const copy = await web1.resources.clone(kept.id, { name: "copy" });
    const gone = await web1.resources.upload(content(SIZE, 2), { name: "gone" });
    await web1.collection("resources").delete(copy.id);
    await web1.collection("resources").delete(gone.id);
    await eventually("it is collected", 60_000, async () => (await info(gone.sha256))?.deleted);
    assert.equal((await info(kept.sha256))?.deleted, false);
    await eventually("its chunks, too", 60_000, async () => (await chunks()) === 3);
    const again = await web1.resources.upload(content(SIZE, 2), { name: "again" });
    assert.equal((await info(again.sha256))?.deleted, false);
    const fresh = await deployment.connect("fresh");
    assert.equal((await digest(await fresh.resources.open(again.id))).sha256, again.sha256);
    await web1.collection("resources").delete(again.id);
  });

  it("that are uploaded while they are collected are never missing", async () => {
    const seed = 77;
    const sha256 = sha256Of(SIZE, seed);
    const upload = async (n: number) => {
      const bus = n % 2 === 0 ? web1 : web2;
      const { id } = await bus.resources.upload(content(SIZE, seed), { name: `racer ${n}` });
      const nothing = await info(sha256);
      assert.equal(nothing?.deleted, false, `the document ${n} is left without its content`);
      await bus.collection("resources").delete(id);
    };
    for (let n = 0; n < 100; n += 5) {
      await Promise.all([0, 1, 2, 3, 4].map((one) => upload(n + one)));
      // Sometimes nobody refers to it for longer than the grace period.
      if (n % 25 === 0) await eventually("it is collected in between", 60_000, async () => (await info(sha256))?.deleted);
    }
    const last = await web1.resources.upload(content(SIZE, seed), { name: "last" });
    const store = await nats.jetstream().views.os("resources");
    assert.equal((await store.getBlob(sha256))?.length, SIZE, "NATS' own client reads it");
    const { id, revision } = last;
    await web2.caughtUp(revision);
    assert.equal((await digest(await web2.resources.open(id))).sha256, sha256);
  });

  it("that the store lost, or has damaged, come back from a webserver that has them", async () => {
    const damages: [string, (sha256: string) => Promise<unknown>][] = [
      [
        "a lost chunk",
        async (sha256) => {
          const jsm = await nats.jetstreamManager();
          const nuid = (await info(sha256))?.nuid;
          const { seq } = await jsm.streams.getMessage("OBJ_resources", { last_by_subj: `$O.resources.C.${nuid}` });
          await jsm.streams.deleteMessage("OBJ_resources", seq);
        },
      ],
      [
        "other bytes",
        async (sha256) => {
          const nuid = (await info(sha256))?.nuid;
          const jsm = await nats.jetstreamManager();
          await jsm.streams.purge("OBJ_resources", { filter: `$O.resources.C.${nuid}` });
          for (const [n, length] of [262_144, 262_144, SIZE - 2 * 262_144].entries())
            await nats.request(`$O.resources.C.${nuid}`, Buffer.alloc(length), {
              timeout: 60_000,
              headers: await chunkHeader(n),
            });
        },
      ],
      [
        "no record",
        async (sha256) => {
          const filter = `$O.resources.M.${Buffer.from(sha256).toString("base64").replaceAll("+", "-").replaceAll("/", "_")}`;
          await (await nats.jetstreamManager()).streams.purge("OBJ_resources", { filter });
        },
      ],
    ];
    for (const [n, [what, damage]] of damages.entries()) {
      const { id, revision, sha256 } = await web1.resources.upload(content(SIZE, 200 + n), { name: what });
      await web2.caughtUp(revision);
      await damage(sha256);
      const late = await deployment.connect(`late${n}`);
      const whole = async () => {
        const stream = await late.resources.open(id, { timeoutMs: 1000 }).catch(() => undefined);
        return stream && (await digest(stream)).sha256 === sha256;
      };
      await eventually(`${what}: it is healed`, 60_000, whole);
      assert.equal((await (await nats.jetstream().views.os("resources")).getBlob(sha256))?.length, SIZE, what);
      await late.close();
    }
  });

  it("that a replica does not have yet are not taken for lost", async (t) => {
    const { sha256 } = await web1.resources.upload(content(SIZE, 300), { name: "behind" });
    const connection = await connectFunctions(deployment);
    t.after(() => connection.close());
    const contents = new Contents(connection, { maxBytes: SIZE, graceMs: 60_000 });
    const publish = connection.publish.bind(connection);
    for (const has of [0, 1]) {
      // As one of a cluster's replicas would answer that is behind: with the first chunk, or with none.
      connection.publish = (subject, body, options) => {
        if (subject !== "$JS.API.DIRECT.GET.OBJ_resources") return publish(subject, body, options);
        const asked = JSON.parse(String(body)) as { seq: number };
        const batch = { ...asked, seq: asked.seq === 1 && has === 1 ? 1 : 1e12, batch: 1 };
        publish(subject, JSON.stringify(batch), options);
      };
      assert.equal(await contents.check(sha256), true, `with ${has} of its chunks`);
      assert.equal((await info(sha256))?.deleted, false);
    }
  });

  it("are kept for the whole grace period after their last document, however old they are, and so while somebody is about to refer to them", async (t) => {
    const graceMs = 3_600_000;
    await using patient = await deploy({ webservers: 1, resourceGraceSeconds: graceMs / 1000 });
    const [bus] = patient.buses as [Bus];
    const connection = await connectFunctions(patient);
    t.after(() => connection.close());
    const contents = new Contents(connection, { maxBytes: SIZE, graceMs });
    const collector = new Collector(connection, loadSchemas().collection("resources"), contents, async () => false);
    const { id, sha256 } = await bus.resources.upload(content(SIZE, 400), { name: "old" });
    /** So much time goes by. */
    const age = async (ms: number) => {
      const { sequence, metadata: { unused } = {}, ...record } = (await readRecord(connection, sha256)) as StoredRecord;
      const before = (at: string) => new Date(Date.parse(at) - ms).toISOString();
      const metadata = unused === undefined ? {} : { metadata: { unused: before(unused) } };
      await writeRecord(connection, { ...record, mtime: before(record.mtime), ...metadata }, sequence);
    };
    const isThere = async () => (await readRecord(connection, sha256))?.deleted === false;
    await age(24 * graceMs);
    await collector.look();
    assert.ok(await isThere(), "a document refers to it");

    await bus.collection("resources").delete(id);
    for (let n = 0; n < 3; n++) await collector.look();
    assert.ok(await isThere(), "nobody refers to it since a moment ago");
    const path = await bus.transfers.fetch({ id, sha256, size: SIZE });
    assert.ok(path, "a backup that was begun before has it");

    await age(graceMs / 2);
    await collector.look();
    assert.ok(await isThere(), "since half of the period");
    const again = await bus.resources.upload(content(SIZE, 400), { name: "again" });
    await collector.look();
    await age(2 * graceMs);
    await bus.collection("resources").delete(again.id);
    for (let n = 0; n < 2; n++) await collector.look();
    assert.ok(await isThere(), "it was used in between");

    await age(2 * graceMs);
    // As a restore does, which then writes its documents; the collector may have begun before.
    await bus.transfers.give({ path, sha256, size: SIZE });
    for (let n = 0; n < 2; n++) await collector.look();
    assert.ok(await isThere(), "somebody is about to refer to it");

    for (let n = 0; n < 3; n++) await age(2 * graceMs).then(() => collector.look());
    assert.ok(!(await isThere()), "it is collected in the end");
  });
});

async function chunkHeader(n: number) {
  const { headers } = await import("nats");
  const made = headers();
  made.set("Fs-Chunk", String(n));
  return made;
}
