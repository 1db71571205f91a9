// Goal: a mutation has one effect however often it is asked for, and each answer's revision contains it. Method: answers are made to be
// missing by freezing or killing the handlers; the caller then tries again with the mutation id that its error names: at once, after a
// restart of everything, and after somebody else's write. The store's own messages say how often each mutation was stored.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Bus, FrontsyncError, type WriteOptions, type Written } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { storedVersions } from "./support/faults-ledger.ts";
import { freeze } from "./support/faults-processes.ts";
import { hearRequests } from "./support/faults-spy.ts";
import { eventually } from "./support/nats-server-kit.ts";

const dashboards = (bus: Bus) => bus.collection("dashboards");

/** The mutation id of a write that nobody answers in time. */
async function unanswered(write: (options: WriteOptions) => Promise<Written>, timeoutMs = 300): Promise<string> {
  const error = await write({ timeoutMs }).then(
    () => assert.fail("it was answered"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof FrontsyncError && error.code === "TIMEOUT", String(error));
  assert.ok(error.retryable && error.mutationId);
  return error.mutationId;
}

/** How often each mutation was stored, and where. */
async function effects(deployment: Deployment, mutationId: string): Promise<number[]> {
  const versions = await storedVersions(deployment);
  return versions.filter(({ envelope }) => envelope?.version === mutationId).map(({ revision }) => revision);
}

function killHandlers({ datastore }: Deployment): void {
  for (const pid of datastore.pids.handlers) process.kill(pid, "SIGKILL");
}

describe("a mutation that is tried again", { concurrency: 3 }, () => {
  it("while its answer is still to come, waits for that", async () => {
    await using deployment = await deploy({ webservers: 1, handlers: 2 });
    const [bus] = deployment.buses as [Bus];
    using frozen = freeze(deployment.datastore.pids.handlers);
    const put = (options: WriteOptions) => dashboards(bus).put({ name: "made once" }, options);
    const mutationId = await unanswered(put);
    const again = [1, 2].map(() => put({ mutationId, timeoutMs: 60_000 }));
    assert.equal(bus.status().pending, 1);
    frozen.thaw();
    const [first, second] = await Promise.all(again);
    assert.deepEqual(first, second);
    const { id, revision } = await put({ mutationId });
    assert.deepEqual({ id, revision }, { id: first?.id, revision: first?.revision });
    assert.deepEqual(await effects(deployment, mutationId), [revision]);
    const { items } = await dashboards(bus).list({ where: { name: "made once" } });
    assert.deepEqual(
      items.map((item) => item.id),
      [id],
      "without an id it made one document",
    );
  });

  it("whose handler died with it, is asked again by the bus itself, long before its caller gives up", async () => {
    await using deployment = await deploy({ webservers: 1, handlers: 1 });
    const [bus] = deployment.buses as [Bus];
    freeze(deployment.datastore.pids.handlers);
    const spy = await hearRequests(deployment);
    const started = performance.now();
    const writing = dashboards(bus).put({ id: "asked again", name: "x" }, { timeoutMs: 600_000 });
    await eventually("it was sent", 60_000, () => spy.requests.some(({ verb }) => verb === "put"));
    await spy[Symbol.asyncDispose]();
    killHandlers(deployment);
    // When the next handler is slow to start, the bus notices that there is none, and the write waits in the outbox instead.
    const { mutationId } = await writing;
    assert.ok(performance.now() - started < 300_000);
    await eventually("it is stored, once", 60_000, async () => (await effects(deployment, mutationId)).length === 1);
  });

  it("after a restart of everything has one effect, whether or not it had been stored", async () => {
    await using deployment = await deploy({ webservers: 1, handlers: 1, bus: { updateInterval: 1 } });
    const [bus] = deployment.buses as [Bus];
    const put = (id: string) => (options: WriteOptions) => dashboards(bus).put({ id, name: "once" }, options);
    const acknowledged = await put("acknowledged")({});
    const frozen = freeze(deployment.datastore.pids.handlers);
    const stored = await unanswered(put("stored"));
    frozen.thaw();
    await eventually("it is stored after all", 60_000, async () => (await effects(deployment, stored)).length > 0);
    freeze(deployment.datastore.pids.handlers);
    const [lost] = await Promise.all([
      unanswered(put("lost")),
      unanswered((options) => dashboards(bus).patch("stored", { labels: ["l"] }, options)),
    ]);
    await bus.close();
    killHandlers(deployment);
    await deployment.restartDatastore();
    const reopened = await deployment.connect("web1");
    for (const [id, mutationId] of Object.entries({ acknowledged: acknowledged.mutationId, stored, lost })) {
      const answer = await dashboards(reopened).put({ id, name: "once" }, { mutationId });
      assert.equal(answer.mutationId, mutationId);
      assert.deepEqual(await effects(deployment, mutationId), [answer.revision], id);
      assert.equal((await dashboards(reopened).get(id))?.doc.name, "once");
    }
  });

  it("after another webserver has overwritten or deleted the document changes nothing", async () => {
    await using deployment = await deploy({ webservers: 2, handlers: 2 });
    const [a, b] = deployment.buses as [Bus, Bus];
    for (const mutationId of [undefined, "my-own.id:1"]) {
      const id = mutationId ?? "made up";
      const options = mutationId === undefined ? {} : { mutationId };
      const first = await dashboards(a).put({ id, name: "a's" }, options);
      const { mutationId: mine, revision } = first;
      const contains = (again: Written, last: Written) =>
        assert.ok((again.revision ?? 0) >= (revision ?? 0) && (again.revision ?? 0) <= (last.revision ?? 0));
      await b.caughtUp(revision);
      for (let n = 0; n < 25; n++) await dashboards(b).put({ id, name: `b's ${n}` });
      const last = await dashboards(b).put({ id, name: "b's" });
      await a.caughtUp(last.revision);
      for (const bus of [a, b]) {
        contains(await dashboards(bus).put({ id, name: "a's" }, { mutationId: mine }), last);
        assert.equal((await dashboards(bus).get(id))?.doc.name, "b's");
      }
      const deleted = await dashboards(b).delete(id);
      await a.caughtUp(deleted.revision);
      contains(await dashboards(a).put({ id, name: "a's" }, { mutationId: mine, ifRevision: 0 }), deleted);
      contains(await dashboards(a).delete(id, { mutationId: deleted.mutationId }), deleted);
      assert.equal(await dashboards(a).get(id), undefined, "what was deleted does not come back");
      const anew = await dashboards(b).put({ id, name: "new life" });
      await a.caughtUp(anew.revision);
      contains(await dashboards(a).delete(id, { mutationId: deleted.mutationId }), anew);
      assert.equal((await dashboards(a).get(id))?.doc.name, "new life");
      assert.equal((await storedVersions(deployment)).at(-1)?.revision, anew.revision, "nothing else was stored");
    }
  });

  it("that was refused, and overtaken by a later one of its webserver, is not taken for stored", async () => {
    await using deployment = await deploy({ webservers: 1 });
    const [bus] = deployment.buses as [Bus];
    const { revision } = await dashboards(bus).put({ id: "d", name: "first" });
    const stale = dashboards(bus).put({ id: "d", name: "refused" }, { ifRevision: 1 });
    const refusal = (await stale.catch((error: unknown) => error)) as FrontsyncError;
    assert.equal(refusal.code, "REVISION_CONFLICT");
    await dashboards(bus).put({ id: "d", name: "second" }, { ifRevision: revision ?? Number.NaN });
    const options = { mutationId: refusal.mutationId ?? "" };
    await dashboards(bus).put({ id: "d", name: "refused" }, options);
    assert.equal((await dashboards(bus).get("d"))?.doc.name, "refused", "it was acknowledged, so it is stored");
  });
});
