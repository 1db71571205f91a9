// Goal: two webservers that edit one document at the same time lose nothing silently: one wins, or both are merged, or one is told what is
// there. Method: races between buses on two handlers; to make a base stale for certain, the live messages are lost for a while.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { type Bus, type Change, type Dashboard, FrontsyncError, type Written } from "../bus/index.ts";
import { hooks } from "../bus/wire/hooks.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";

let deployment: Deployment;

const dashboards = (bus: number) => (deployment.buses[bus] as Bus).collection("dashboards");

async function bothHold(revision: number | null): Promise<void> {
  for (const bus of deployment.buses) await bus.caughtUp(revision);
}

/** The one that was stored, and how the other was refused. */
async function race(...writes: Promise<Written>[]): Promise<{ winner: number; written: Written; refusals: FrontsyncError[] }> {
  const settled = await Promise.allSettled(writes);
  const winners = settled.flatMap((outcome, index) =>
    outcome.status === "fulfilled" ? { winner: index, written: outcome.value } : [],
  );
  assert.equal(winners.length, 1, "one wins");
  const refusals = settled.flatMap((outcome) => (outcome.status === "rejected" ? (outcome.reason as FrontsyncError) : []));
  for (const refusal of refusals) assert.equal(refusal.code, "REVISION_CONFLICT", refusal.message);
  return { ...(winners[0] as { winner: number; written: Written }), refusals };
}

describe("edits of one document", () => {
  before(async () => {
    deployment = await deploy({ webservers: 3, handlers: 2, bus: { updateInterval: 1 } });
  });
  after(() => deployment[Symbol.asyncDispose]());
  afterEach(() => {
    hooks.loseLive = undefined;
  });

  it("with the same ifRevision: one wins, the other is told the winner's version; 50 races", async () => {
    for (let round = 0; round < 25; round++) {
      const id = `raced${round}`;
      let revision: number | null = 0;
      for (const step of ["create", "edit"]) {
        const options = { ifRevision: revision ?? Number.NaN };
        const { winner, written, refusals } = await race(
          ...[0, 1].map((bus) =>
            step === "edit" && round % 2 === 0
              ? dashboards(bus).patch(id, { name: `${step} ${bus}` }, options)
              : dashboards(bus).put({ id, name: `${step} ${bus}` }, options),
          ),
        );
        const current = refusals[0]?.current as Change<Dashboard> | undefined;
        assert.deepEqual(
          [current?.op, current?.id, current?.revision, current?.doc?.name, current?.by],
          ["put", id, written.revision, `${step} ${winner}`, 0],
        );
        assert.equal(refusals[0]?.retryable, false);
        revision = written.revision;
      }
      await bothHold(revision);
      assert.deepEqual((await dashboards(0).get(id))?.doc, (await dashboards(1).get(id))?.doc);
    }
  });

  it("against a deletion with the same ifRevision: one wins", async () => {
    for (let round = 0; round < 10; round++) {
      const { revision } = await dashboards(0).put({ id: `deleted${round}`, name: "there" });
      const options = { ifRevision: revision ?? Number.NaN };
      const writes = [
        dashboards(0).delete(`deleted${round}`, options),
        dashboards(1).patch(`deleted${round}`, { name: "edited" }, options),
      ];
      const settled = await Promise.allSettled(writes);
      const codes = settled.map((one) => (one.status === "fulfilled" ? "stored" : (one.reason as FrontsyncError).code));
      assert.ok(
        ["stored,NOT_FOUND", "stored,REVISION_CONFLICT", "REVISION_CONFLICT,stored"].includes(codes.join()),
        codes.join(),
      );
    }
  });

  it("without ifRevision are merged by field, and conflict only in the same one", async () => {
    const doc = { id: "merged", name: "base", data: { left: 0, right: 0, deep: { a: 0, b: 0 } } };
    await bothHold((await dashboards(0).put(doc)).revision);
    hooks.loseLive = () => true;
    // The second edit is based on what its webserver holds: the version before the first one.
    const edits = [
      dashboards(0).patch("merged", { data: { left: 1, deep: { a: 1 } } }),
      dashboards(1).put({ ...doc, data: { left: 0, right: 2, deep: { a: 0, b: 2 } } }),
      dashboards(2).patch("merged", { labels: ["x"] }),
    ];
    const revisions = (await Promise.all(edits)).map(({ revision }) => revision ?? 0);
    assert.equal(new Set(revisions).size, 3);
    await bothHold(Math.max(...revisions));
    const merged = (await dashboards(1).get("merged"))?.doc;
    assert.deepEqual([merged?.name, merged?.data, merged?.labels], ["base", { left: 1, right: 2, deep: { a: 1, b: 2 } }, ["x"]]);

    const { winner, written, refusals } = await race(
      ...[0, 1, 2].map((bus) => dashboards(bus).patch("merged", { data: { left: `from ${bus}` } })),
    );
    for (const { current, path } of refusals) {
      assert.equal(path, "/data/left");
      const { revision, doc } = current as Change<Dashboard>;
      assert.deepEqual([revision, (doc?.data as { left?: unknown } | undefined)?.left], [written.revision, `from ${winner}`]);
    }
    hooks.loseLive = undefined;
    await assertEqualReplicas(deployment.buses);
  });

  it("200 at once on three webservers: none that was acknowledged is lost", async () => {
    const { revision } = await dashboards(0).put({ id: "busy", name: "busy", data: {} });
    await bothHold(revision);
    const edits = await Promise.allSettled(
      Array.from({ length: 200 }, (_, n) => dashboards(n % 3).patch("busy", { data: { [`k${n}`]: n } }, { timeoutMs: 60_000 })),
    );
    const refused = edits.flatMap((edit) => (edit.status === "rejected" ? String(edit.reason) : []));
    assert.deepEqual(refused, [], "fields of their own never conflict");
    const revisions = edits.map((edit) => (edit.status === "fulfilled" ? (edit.value.revision ?? 0) : 0));
    assert.equal(new Set(revisions).size, 200);
    await bothHold(Math.max(...revisions));
    for (const bus of [0, 1, 2]) {
      const data = (await dashboards(bus).get("busy"))?.doc.data as Record<string, number>;
      assert.equal(Object.keys(data).length, 200);
    }
  });

  it("as a counter by ifRevision: every increment counts once", async () => {
    await bothHold((await dashboards(0).put({ id: "counter", name: "counter", data: { count: 0 } })).revision);
    const increment = async (bus: number) => {
      for (let done = 0; done < 15; ) {
        const entry = await dashboards(bus).get("counter");
        assert.ok(entry);
        const count = (entry.doc.data as { count: number }).count + 1;
        try {
          await dashboards(bus).patch("counter", { data: { count } }, { ifRevision: entry.revision });
          done++;
        } catch (error) {
          assert.ok(error instanceof FrontsyncError && error.code === "REVISION_CONFLICT", String(error));
          await deployment.buses[bus]?.caughtUp((error.current as Change<Dashboard>).revision);
        }
      }
    };
    await Promise.all([0, 1, 2].map(increment));
    await deployment.buses[0]?.caughtUp();
    assert.deepEqual((await dashboards(0).get("counter"))?.doc.data, { count: 45 });
  });

  it("as a counter that several count on each webserver, who read each other's writes that are refused later", async () => {
    await bothHold((await dashboards(0).put({ id: "shared", name: "shared", data: { count: 0 } })).revision);
    const [webservers, counters, each] = [3, 4, 4];
    const increment = async (bus: number, n: number) => {
      for (let done = 0; done < each; ) {
        // Half of them by get, the others by list.
        const { items } = n % 2 === 0 ? { items: [] } : await dashboards(bus).list({ where: { name: "shared" } });
        const entry = items[0] ?? (await dashboards(bus).get("shared"));
        assert.ok(entry);
        const count = (entry.doc.data as { count: number }).count + 1;
        try {
          const options = { ifRevision: entry.revision, timeoutMs: 60_000 };
          await dashboards(bus).put({ id: "shared", name: "shared", data: { count } }, options);
          done++;
        } catch (error) {
          assert.ok(error instanceof FrontsyncError && error.code === "REVISION_CONFLICT", String(error));
          await deployment.buses[bus]?.caughtUp((error.current as Change<Dashboard>).revision);
        }
      }
    };
    const counting = Array.from({ length: webservers * counters }, (_, n) => increment(n % webservers, n));
    await Promise.all(counting);
    await deployment.buses[0]?.caughtUp();
    assert.deepEqual((await dashboards(0).get("shared"))?.doc.data, { count: webservers * counters * each });
  });
});
