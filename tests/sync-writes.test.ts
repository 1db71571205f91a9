// Goal: a write does what its promise says: order, results, what a read sees after it, what the outbox shows while it waits. Method: two
// webservers on one datastore with two handlers; handlers are frozen to make a write wait; the same operations on one and on three
// handlers are compared.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Bus, connectBus, FrontsyncError } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { freeze } from "./support/faults-processes.ts";
import { eventually } from "./support/nats-server-kit.ts";

let deployment: Deployment;
let [a, b]: Bus[] = [];

function dashboards(bus: Bus | undefined) {
  assert.ok(bus);
  return bus.collection("dashboards");
}

describe("writes", () => {
  before(async () => {
    deployment = await deploy({ webservers: 2, handlers: 2, bus: { updateInterval: 1 } });
    [a, b] = deployment.buses;
  });
  after(() => deployment[Symbol.asyncDispose]());

  it("are seen by a get on the same bus once they are acknowledged, and on another one after caughtUp", async () => {
    for (let n = 0; n < 30; n++) {
      const { revision } = await dashboards(a).put({ id: "seen", name: `${n}` });
      const [own] = [await dashboards(a).get("seen")];
      assert.deepEqual([own?.revision, own?.doc.name, own?.pending], [revision, `${n}`, false]);
      await b?.caughtUp(revision);
      assert.equal((await dashboards(b).get("seen"))?.doc.name, `${n}`);
    }
  });

  it("are all stored when many large ones come at once", async () => {
    const data = { text: "x".repeat(1.1 * 1024 * 1024) };
    const put = (_: unknown, n: number) => dashboards(a).put({ id: `large${n}`, name: "large", data }, { timeoutMs: 60_000 });
    const written = await Promise.all(Array.from({ length: 30 }, put));
    assert.equal(new Set(written.map(({ revision }) => revision)).size, 30);
    assert.ok(written.every(({ revision }) => typeof revision === "number"));
    await Promise.all(written.map(({ id }) => dashboards(a).delete(id, { timeoutMs: 60_000 })));
  });

  it("store what was given, whatever the caller makes of it afterwards", async () => {
    const doc = { id: "given", name: "given", data: { x: 1 } };
    const putting = dashboards(a).put(doc);
    doc.data.x = 2;
    await putting;
    assert.deepEqual((await dashboards(a).get("given"))?.doc.data, { x: 1 });
    const merge = { data: { y: { z: 1 } } };
    const patching = dashboards(a).patch("given", merge);
    merge.data.y.z = 2;
    await patching;
    assert.deepEqual((await dashboards(a).get("given"))?.doc.data, { x: 1, y: { z: 1 } });
  });

  it("are seen by a get on the same bus also while it is catching up", async () => {
    await dashboards(a).putMany(
      Array.from({ length: 1500 }, (_, n) => ({ id: `many${n}`, name: "x", data: "x".repeat(500) })),
      {
        timeoutMs: 60_000,
      },
    );
    const dir = join(deployment.dir, "web3");
    await using late = await connectBus({ datastore: deployment.datastore.address, webserver: "web3", dir, updateInterval: 1 });
    const seen = new Set<string>();
    const unsubscribe = late.onStatus(({ state }) => seen.add(state));
    await eventually("it is catching up", 60_000, () => seen.has("catching-up"));
    const { id } = await dashboards(late).put({ name: "put on the way" });
    assert.equal((await dashboards(late).get(id))?.doc.name, "put on the way");
    await dashboards(late).patch("many7", { name: "patched on the way" });
    assert.equal((await dashboards(late).get("many7"))?.doc.name, "patched on the way");
    await late.caughtUp(null, { timeoutMs: 60_000 });
    unsubscribe();
    await assertEqualReplicas([...deployment.buses, late]);
  });

  it("in a putMany keep the order of each document's copies, and give one result each", async () => {
    const docs = Array.from({ length: 200 }, (_, n) => ({ id: `m${n % 10}`, name: `copy ${n}` }));
    const results = await dashboards(a).putMany([
      ...docs,
      { id: "bad", name: 7 as unknown as string },
      { id: "good", name: "good" },
    ]);
    assert.equal(results.length, 202);
    const revisions = results.map((result) => (result instanceof Error ? result.code : (result.revision ?? 0)));
    assert.equal(revisions[200], "SCHEMA_INVALID");
    assert.deepEqual(
      [results[201]].map((result) => !(result instanceof Error) && result?.id),
      ["good"],
    );
    for (let n = 10; n < 200; n++)
      assert.ok((revisions[n] ?? 0) > (revisions[n - 10] ?? 0), `copy ${n} came before copy ${n - 10}`);
    for (let n = 0; n < 10; n++) assert.equal((await dashboards(a).get(`m${n}`))?.doc.name, `copy ${190 + n}`);
    assert.deepEqual(await dashboards(a).putMany([]), []);
  });

  it("of a document that was deleted make it anew, on every webserver", async () => {
    const first = await dashboards(a).put({ id: "again", name: "first" });
    await b?.caughtUp(first.revision);
    const deleted = await dashboards(b).delete("again");
    assert.equal(await dashboards(b).get("again"), undefined);
    await a?.caughtUp(deleted.revision);
    assert.equal(await dashboards(a).get("again"), undefined);
    await assert.rejects(dashboards(a).delete("again"), { code: "NOT_FOUND" });
    await assert.rejects(dashboards(a).patch("again", { name: "x" }), { code: "NOT_FOUND" });
    const second = await dashboards(a).put({ id: "again", name: "second" }, { ifRevision: 0 });
    assert.ok((second.revision ?? 0) > (deleted.revision ?? 0));
    await b?.caughtUp(second.revision);
    const entry = await dashboards(b).get("again");
    assert.deepEqual([entry?.doc.name, entry?.revision], ["second", second.revision]);
    assert.deepEqual(
      (await dashboards(b).list({ where: { name: "second" } })).items.map(({ id }) => id),
      ["again"],
    );
  });

  it("that wait are in the outbox, and mark what they are about as pending", async () => {
    const { revision } = await dashboards(a).put({ id: "waits", name: "before" });
    const frozen = freeze(deployment.datastore.pids.handlers);
    const writing = dashboards(a).put({ id: "waits", name: "after" });
    await eventually("it is shown", 60_000, async () => (await dashboards(a).get("waits"))?.pending);
    const entry = await dashboards(a).get("waits");
    assert.deepEqual([entry?.pending, entry?.revision, entry?.doc.name], [true, revision, "after"]);
    const second = dashboards(a).delete("waits");
    try {
      const queued = (await a?.outbox.list()) ?? [];
      assert.deepEqual(
        queued.map(({ collection, id, op, body }) => ({ collection, id, op, body })),
        [
          { collection: "dashboards", id: "waits", op: "put", body: { id: "waits", name: "after" } },
          { collection: "dashboards", id: "waits", op: "delete", body: undefined },
        ],
      );
      assert.ok(queued.every(({ mutationId, at }) => mutationId.startsWith("web1.") && Date.parse(at) > 0));
      assert.equal(a?.status().pending, 2);
      assert.equal(await dashboards(a).get("waits"), undefined, "its deletion is shown at once");
    } finally {
      frozen.thaw();
    }
    const [first, last] = [(await writing).revision, (await second).revision];
    // A machine that stood still may have lost contact meanwhile: then they went into the outbox, in their order.
    if (first !== null && last !== null) assert.ok(first < last);
    await a?.caughtUp();
    assert.equal(await dashboards(a).get("waits"), undefined);
    assert.deepEqual(await a?.outbox.list(), []);
    assert.equal(a?.status().pending, 0);
  });
});

/** What came of each operation, without revisions and times, and what there is at the end. */
async function outcomes(handlers: number): Promise<unknown[]> {
  await using one = await deploy({ webservers: 1, handlers });
  const collection = dashboards(one.buses[0]);
  const found: unknown[] = [];
  const note = async (what: Promise<{ id: string }>) =>
    found.push(
      await what.then(
        ({ id }) => id,
        (error: unknown) => error instanceof FrontsyncError && [error.code, error.path, error.limit],
      ),
    );
  for (let n = 0; n < 12; n++) {
    await note(collection.put({ id: `d${n % 4}`, name: `${n}`, data: { n, list: [n] } }));
    await note(collection.patch(`d${n % 5}`, { data: { [`k${n}`]: n, list: null } }));
    await note(collection.put({ id: `d${n % 4}`, name: "stale" }, { ifRevision: 1 }));
    await note(collection.patch(`d${n % 4}`, { id: "other" }));
    if (n % 3 === 0) await note(collection.delete(`d${n % 4}`));
    await note(collection.put({ id: `d${n % 4}`, name: "" }));
  }
  const { items } = await collection.list({ sort: "name" });
  return [...found, ...items.map(({ id, doc: { name, data } }) => ({ id, name, data }))];
}

it("three handlers give the results of one", async () => {
  const [one, three] = await Promise.all([outcomes(1), outcomes(3)]);
  assert.deepEqual(three, one);
  assert.ok(one.length > 50);
});
