// Goal: with the datastore away, whatever the reason, a webserver reads and writes on, shows what it has written, and all of it is stored once when
// the datastore is back. Method: the datastore is stopped, killed, frozen and refused in turn, under a bus that writes all the time.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Worker } from "node:worker_threads";
import { type Bus, connectBus, FrontsyncError, type Written } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { storedVersions } from "./support/faults-ledger.ts";
import { freeze } from "./support/faults-processes.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { makeUser } from "./support/people.ts";

const dashboards = (bus: Bus) => bus.collection("dashboards");
const WAIT_MS = 60_000;

const until = (bus: Bus, state: string) => eventually(state, WAIT_MS, () => bus.status().state === state);

/** Takes the datastore away. Returns what brings it back. */
const AWAY: Record<string, (deployment: Deployment) => Promise<() => unknown>> = {
  "stopped altogether": async (deployment) => {
    await deployment.stopDatastore();
    return () => deployment.restartDatastore();
  },
  "with a nats-server that hangs": async ({ datastore }) => {
    const frozen = freeze([datastore.pids.natsServer]);
    return () => frozen.thaw();
  },
  "with handlers that hang": async ({ datastore }) => {
    const frozen = freeze(datastore.pids.handlers);
    return () => frozen.thaw();
  },
};

/** How often each mutation is stored. */
async function effects(deployment: Deployment): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { envelope } of await storedVersions(deployment))
    if (envelope) counts.set(envelope.version, (counts.get(envelope.version) ?? 0) + 1);
  return counts;
}

describe("with the datastore", { concurrency: 1 }, () => {
  for (const [how, take] of Object.entries(AWAY)) {
    it(`${how}, writes wait and are shown; then each is stored once`, async () => {
      await using deployment = await deploy({ webservers: 1, handlers: 1, bus: { updateInterval: 1 } });
      const [bus] = deployment.buses as [Bus];
      await dashboards(bus).put({ id: "old", name: "m-old", data: { a: 1 } });
      await dashboards(bus).put({ id: "gone", name: "z" });
      const bring = await take(deployment);
      // It may still look as if there was contact: what is under way then waits, too.
      const inFlight = dashboards(bus).put({ id: "flight", name: "flight" }, { timeoutMs: WAIT_MS });
      await until(bus, "degraded");
      const acknowledged: Written[] = [await inFlight];
      acknowledged.push(await dashboards(bus).put({ id: "new", name: "a-new" }));
      acknowledged.push(await dashboards(bus).patch("old", { data: { b: 2 } }));
      acknowledged.push(await dashboards(bus).patch("new", { labels: ["l"] }));
      acknowledged.push(await dashboards(bus).delete("gone"));
      assert.deepEqual(
        acknowledged.map(({ revision }) => revision),
        [null, null, null, null, null],
      );
      for (const refused of [
        () => bus.collection("groups").put({ name: "g" }),
        () => bus.call("searches.clear", { uid: 1 }),
        () => dashboards(bus).patch("nothing", { name: "n" }),
        () => dashboards(bus).patch("new", { name: 7 as unknown as string }),
        () => dashboards(bus).delete("gone"),
      ])
        await assert.rejects(refused, (error: unknown) => {
          assert.ok(error instanceof FrontsyncError, String(error));
          return ["DATASTORE_UNREACHABLE", "NOT_FOUND", "SCHEMA_INVALID"].includes(error.code);
        });
      await assertShown(bus);
      await assert.rejects(bus.caughtUp((bus.status().head ?? 0) + 5, { timeoutMs: 100 }), { code: "TIMEOUT" });
      await bring();
      await bus.caughtUp(null, { timeoutMs: WAIT_MS });
      assert.equal(bus.status().state, "synced");
      assert.deepEqual([await bus.outbox.list(), await bus.deadLetters.list(), bus.status().pending], [[], [], 0]);
      const counts = await effects(deployment);
      for (const { mutationId } of acknowledged) assert.equal(counts.get(mutationId), 1, mutationId);
      const old = await dashboards(bus).get("old");
      assert.deepEqual([old?.pending, old?.doc.data], [false, { a: 1, b: 2 }]);
      assert.equal(await dashboards(bus).get("gone"), undefined);
    });
  }
});

/** What waits is read as if it was stored: by id, in lists by any order, page by page, by name. */
async function assertShown(bus: Bus): Promise<void> {
  assert.equal(bus.status().pending, 5);
  assert.deepEqual(
    (await bus.outbox.list()).map(({ op, id }) => `${op} ${id}`),
    ["put flight", "put new", "patch old", "patch new", "delete gone"],
  );
  const own = await dashboards(bus).get("new");
  assert.deepEqual([own?.revision, own?.pending, own?.doc.name, own?.doc.labels], [0, true, "a-new", ["l"]]);
  const old = await dashboards(bus).get("old");
  assert.deepEqual([old?.pending, (old?.revision ?? 0) > 0, old?.doc.data], [true, true, { a: 1, b: 2 }]);
  assert.equal(await dashboards(bus).get("gone"), undefined);
  for (const [sort, names] of [
    ["name", ["a-new", "flight", "m-old"]],
    ["-name", ["m-old", "flight", "a-new"]],
  ] as const) {
    const found: string[] = [];
    let after: string | undefined;
    do {
      const page = await dashboards(bus).list({ sort, limit: 1, ...(after !== undefined && { after }) });
      found.push(...page.items.map(({ doc }) => doc.name));
      after = page.next;
    } while (after !== undefined);
    assert.deepEqual(found, names);
  }
  assert.deepEqual(
    (await dashboards(bus).list({ where: { name: "a-new" } })).items.map(({ id, pending }) => [id, pending]),
    [["new", true]],
  );
  assert.equal((await dashboards(bus).find("a-new"))?.id, "new");
}

it("a user sees what waits only if they may see it, and may wait to change only what they may change", async () => {
  await using deployment = await deploy({ webservers: 1 });
  const [bus] = deployment.buses as [Bus];
  const [one, two] = [await makeUser(bus), await makeUser(bus)];
  await bus.caughtUp();
  await deployment.stopDatastore();
  await until(bus, "degraded");
  const [a, b] = [one, two].map((uid) => bus.asUser(uid).collection("dashboards"));
  assert.ok(a && b);
  assert.equal((await a.put({ id: "own", name: "own" })).revision, null);
  assert.equal((await a.get("own"))?.doc.ownerId, one);
  assert.equal((await a.list()).items.length, 1);
  assert.deepEqual([await b.get("own"), (await b.list()).items, await b.find("own")], [undefined, [], undefined]);
  await assert.rejects(b.patch("own", { name: "mine" }), (error: FrontsyncError) =>
    ["NOT_ALLOWED", "NOT_FOUND"].includes(error.code),
  );
  await deployment.restartDatastore();
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  assert.equal((await a.get("own"))?.pending, false);
  assert.equal(await b.get("own"), undefined);
});

it("a bus that opens without a datastore has its outbox, shows it, and keeps it when it is closed again", async () => {
  await using deployment = await deploy();
  await deployment.stopDatastore();
  const options = {
    datastore: deployment.datastore.address,
    webserver: "web1",
    dir: join(deployment.dir, "web1"),
    updateInterval: 1,
  };
  const first = await connectBus(options);
  const { id, mutationId } = await dashboards(first).put({ name: "early" });
  const told: number[] = [];
  first.onStatus(({ pending }) => told.push(pending));
  await first.close();
  // It is not up yet, and nobody is told that it is.
  assert.deepEqual([first.status().pending, (await first.outbox.list()).length, told.includes(0)], [1, 1, false]);
  for (let again = 0; again < 2; again++) {
    const bus = await connectBus(options);
    const entry = await dashboards(bus).get(id);
    assert.deepEqual([entry?.doc.name, entry?.pending, bus.status().pending], ["early", true, 1]);
    // Asked again, it is where it was.
    assert.deepEqual(await dashboards(bus).put({ id, name: "early" }, { mutationId }), { id, revision: null, mutationId });
    await bus.close();
  }
  await deployment.restartDatastore();
  await using bus = await connectBus(options);
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  assert.equal((await dashboards(bus).get(id))?.pending, false);
  const { revision } = await dashboards(bus).put({ id, name: "early" }, { mutationId });
  assert.equal((await dashboards(bus).get(id))?.revision, revision);
  assert.equal((await effects(deployment)).get(mutationId), 1);
});

it("without its replica's thread the process goes on and says so, its readers end, and what waits stays in the outbox for the next one", async (t) => {
  const threads: Worker[] = [];
  const noted = (thread: Worker) => void threads.push(thread);
  process.on("worker", noted);
  t.after(() => process.off("worker", noted));
  await using deployment = await deploy();
  const options = {
    datastore: deployment.datastore.address,
    webserver: "web1",
    dir: join(deployment.dir, "web1"),
    updateInterval: 0.5,
  };
  const bus = await connectBus(options);
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  await deployment.stopDatastore();
  await until(bus, "degraded");
  for (const id of ["w1", "w2", "w3"]) await dashboards(bus).put({ id, name: id });
  const reading = assert.rejects(dashboards(bus).changes().next(), { code: "INTERNAL" });
  await threads.at(-1)?.terminate();
  await eventually("said", WAIT_MS, () => bus.status().warnings.some(({ code }) => code === "REPLICA_FAILED"));
  await reading;
  await assert.rejects(dashboards(bus).put({ id: "w4", name: "w4" }), { code: "INTERNAL" });
  await deployment.restartDatastore();
  assert.deepEqual([(await bus.outbox.list()).map(({ id }) => id), await bus.deadLetters.list()], [["w1", "w2", "w3"], []]);
  await bus.close();
  await using next = await connectBus(options);
  await next.caughtUp(null, { timeoutMs: WAIT_MS });
  assert.deepEqual([next.status().pending, await next.deadLetters.list()], [0, []]);
  for (const id of ["w1", "w2", "w3"]) assert.ok((await dashboards(next).get(id))?.revision, id);
});
