// Goal: what the datastore refuses is not lost and blocks nothing: it is a dead letter with its reason, across restarts, until somebody sends it again
// or discards it. Method: edits made offline that can't be taken any more when the datastore is back.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { type Bus, connectBus } from "../bus/index.ts";
import { Outbox, retryId } from "../bus/outbox/outbox.ts";
import type { Kept } from "../bus/outbox/request.ts";
import { loadSchemas } from "../schemas/index.ts";
import { deploy } from "./support/deployment.ts";
import { storedVersions } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { allCaughtUp, Gate, offline } from "./support/offline.ts";

const WAIT_MS = 60_000;
const dashboards = (bus: Bus) => bus.collection("dashboards");

it("what is refused is a dead letter, and holds up neither other documents nor later writes of its own", async () => {
  await using deployment = await deploy({ webservers: 1 });
  const [other] = deployment.buses as [Bus];
  await using gate = await Gate.to(deployment.datastore.address);
  const options = { datastore: gate.address, webserver: "web2", dir: join(deployment.dir, "web2"), updateInterval: 0.5 };
  let bus = await connectBus(options);
  try {
    await dashboards(other).put({ id: "shared", name: "base", data: { x: 0 } });
    await allCaughtUp([other, bus]);
    const seen = new Set<number>();
    bus.onStatus(({ deadLetters }) => seen.add(deadLetters));
    const refused = await offline(bus, gate, async () => {
      const lost = await dashboards(bus).patch("shared", { data: { x: "mine" } });
      await dashboards(bus).patch("shared", { data: { y: "later" } });
      await dashboards(bus).put({ id: "else", name: "else" });
      await dashboards(other).patch("shared", { data: { x: "theirs" } });
      return lost;
    });
    await bus.caughtUp(null, { timeoutMs: WAIT_MS });
    assert.deepEqual((await dashboards(bus).get("shared"))?.doc.data, { x: "theirs", y: "later" });
    assert.equal((await dashboards(bus).get("else"))?.pending, false);
    const [letter, ...more] = await bus.deadLetters.list();
    assert.deepEqual(more, []);
    assert.deepEqual(
      [letter?.mutationId, letter?.code, letter?.op, letter?.id, letter?.body],
      [refused.mutationId, "REVISION_CONFLICT", "patch", "shared", { data: { x: "mine" } }],
    );
    assert.ok(seen.has(1), "who listens is told");
    assert.equal(bus.status().deadLetters, 1);
    // Asked again under its own id it is not taken for stored, although later ones of its webserver are.
    await bus.close();
    bus = await connectBus(options);
    await bus.caughtUp(null, { timeoutMs: WAIT_MS });
    assert.deepEqual(await bus.deadLetters.list(), [letter]);
    await assert.rejects(bus.deadLetters.retry("no such"), { code: "NOT_FOUND" });
    await assert.rejects(bus.deadLetters.discard("no such"), { code: "NOT_FOUND" });
    const { revision } = await bus.deadLetters.retry(refused.mutationId);
    assert.ok(revision);
    assert.deepEqual((await dashboards(bus).get("shared"))?.doc.data, { x: "mine", y: "later" });
    assert.deepEqual([await bus.deadLetters.list(), bus.status().deadLetters], [[], 0]);
  } finally {
    await bus.close();
  }
});

it("a refused write that is asked again under its own id is done, and not taken for stored", async () => {
  await using deployment = await deploy({ webservers: 1 });
  const [other] = deployment.buses as [Bus];
  await using gate = await Gate.to(deployment.datastore.address);
  await using bus = await connectBus({
    ...{ datastore: gate.address, webserver: "web2", dir: join(deployment.dir, "web2"), updateInterval: 0.5 },
  });
  await dashboards(other).put({ id: "d", name: "base" });
  await allCaughtUp([other, bus]);
  const { mutationId } = await offline(bus, gate, async () => {
    const first = await dashboards(bus).patch("d", { name: "mine" });
    await dashboards(bus).patch("d", { labels: ["later"] });
    await dashboards(other).patch("d", { name: "theirs" });
    return first;
  });
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  assert.equal((await dashboards(bus).get("d"))?.doc.name, "theirs");
  await dashboards(bus).patch("d", { name: "mine" }, { mutationId });
  assert.equal((await dashboards(bus).get("d"))?.doc.name, "mine");
  await bus.deadLetters.discard(mutationId);
  assert.deepEqual(await bus.deadLetters.list(), []);
});

it("writes of a collection that no schema declares any more are dead letters", async () => {
  const schemas = mkdtempSync(join(tmpdir(), "frontsync-test-"));
  writeFileSync(
    join(schemas, "things.json"),
    JSON.stringify({
      $schema: "http://json-schema.org/draft-07/schema#",
      ...{ $id: "things", title: "Thing", description: "A thing.", type: "object", required: ["id"] },
      properties: { id: { type: "string", minLength: 1 } },
      collection: {
        ...{ version: 1, database: "webstore", key: ["id"], access: "directory", indexes: [], limits: { bytes: 1000 } },
        ...{ policy: "merge", offline: true, retention: { versions: 20 } },
      },
    }),
  );
  const dir = mkdtempSync(join(tmpdir(), "frontsync-test-"));
  try {
    const options = { datastore: "127.0.0.1:1", webserver: "web1", dir };
    const first = await connectBus({ ...options, schemas: [schemas] });
    const { mutationId } = await first.collection("things").put({ id: "t" });
    await first.collection("dashboards").put({ id: "d", name: "d" });
    await first.close();
    await using bus = await connectBus(options);
    const [letter] = await eventually("it is a dead letter", WAIT_MS, async () => {
      const letters = await bus.deadLetters.list();
      return letters.length > 0 && letters;
    });
    assert.deepEqual([letter?.mutationId, letter?.code, letter?.body], [mutationId, "UNKNOWN_COLLECTION", { id: "t" }]);
    assert.equal(bus.status().pending, 1);
    await assert.rejects(bus.deadLetters.retry(mutationId), { code: "UNKNOWN_COLLECTION" });
  } finally {
    for (const folder of [schemas, dir]) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});

/** A folder in which something was refused. */
async function folderWith(dir: string, count: number, more: (outbox: Outbox) => Promise<void> = async () => {}): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const outbox = Outbox.open(dir, loadSchemas());
  const writes = Array.from({ length: count }, (_, n): Kept => {
    const common = { collection: "dashboards", by: 0, at: "2026-01-01T00:00:00.000Z" };
    return {
      kind: "wait",
      mutation: `web1.before.${n}`,
      id: `d${n}`,
      ...common,
      op: "put",
      body: { id: `d${n}`, name: `n${n}` },
    };
  });
  await Promise.all(writes.map((kept) => outbox.keep(kept)));
  await Promise.all(writes.map((kept) => outbox.dead(kept, "NOT_ALLOWED", "no")));
  await more(outbox);
  await outbox.close();
}

it("retries of one dead letter at once, here and by a process before, have one effect", async () => {
  await using deployment = await deploy();
  const dir = join(deployment.dir, "web1");
  // The second is being retried already, by a process that died before it had taken the letter out.
  await folderWith(dir, 2, async (outbox) => {
    const [, second] = outbox.deadLetters;
    assert.ok(second);
    const { mutationId: _old, code: _code, message: _message, ...letter } = second;
    await outbox.keep({ kind: "wait", ...letter, mutation: retryId(second), body: second.body as Kept["body"] } as Kept);
  });
  await using bus = await connectBus({ datastore: deployment.datastore.address, webserver: "web1", dir, updateInterval: 1 });
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  assert.equal(bus.status().deadLetters, 2);
  for (const { mutationId } of await bus.deadLetters.list()) {
    const ends = await Promise.allSettled(Array.from({ length: 5 }, () => bus.deadLetters.retry(mutationId)));
    assert.ok(ends.some(({ status }) => status === "fulfilled"));
    for (const end of ends) if (end.status === "rejected") assert.equal((end.reason as { code: string }).code, "NOT_FOUND");
  }
  assert.deepEqual(await bus.deadLetters.list(), []);
  const stored = (await storedVersions(deployment)).filter(({ subject }) => subject.includes(".dashboards."));
  assert.deepEqual(stored.map(({ subject }) => subject.split(".").at(-1)).sort(), ["d0", "d1"], "each once");
});

it("10,000 dead letters fill the outbox: it says so, takes nothing more, and does when there is room", async () => {
  const dir = mkdtempSync(join(tmpdir(), "frontsync-test-"));
  try {
    await folderWith(dir, 10_000);
    await using bus = await connectBus({ datastore: "127.0.0.1:1", webserver: "web1", dir });
    const warning = () => bus.status().warnings.find(({ code }) => code === "OUTBOX_FULL")?.message ?? "";
    assert.match(warning(), /10000 dead letters .*[Dd]iscard/);
    await assert.rejects(dashboards(bus).put({ name: "more" }), { code: "DATASTORE_UNREACHABLE", message: /full/ });
    assert.equal(bus.status().pending, 0);
    await bus.deadLetters.discard("web1.before.7");
    assert.equal(warning(), "");
    assert.equal((await dashboards(bus).put({ name: "more" })).revision, null);
    assert.notEqual(warning(), "");
    assert.deepEqual([bus.status().deadLetters, bus.status().pending], [9999, 1]);
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
});

it("10,000 writes wait; one more is refused at once, and all of them are there after a restart", {
  timeout: 900_000,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), "frontsync-test-"));
  try {
    const options = { datastore: "127.0.0.1:1", webserver: "web1", dir };
    const bus = await connectBus(options);
    const docs = Array.from({ length: 10_000 }, (_, n) => ({ id: `d${n}`, name: `n${n}` }));
    const results = await dashboards(bus).putMany(docs, { timeoutMs: WAIT_MS });
    assert.ok(results.every((result) => !(result instanceof Error) && result.revision === null));
    await assert.rejects(dashboards(bus).put({ name: "more" }), { code: "DATASTORE_UNREACHABLE", retryable: true });
    assert.equal((await dashboards(bus).list({ limit: 1000, sort: "name" })).items.length, 1000);
    // Waits that end leave nothing behind.
    for (let n = 0; n < 20; n++) await assert.rejects(bus.caughtUp(null, { timeoutMs: 1 }), { code: "TIMEOUT" });
    await bus.close();
    await using again = await connectBus(options);
    assert.equal(again.status().pending, 10_000);
    assert.deepEqual(
      (await again.outbox.list()).map(({ id }) => id),
      docs.map(({ id }) => id),
    );
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
});
