// Goal: a webserver notices that the datastore is not the one that its data is of: an empty one, an older copy, another one. It is then
// held: it serves what it has, keeps all of it, writes nothing, and goes on by itself when the right datastore is back. Method: the store's
// folder is deleted, put back from a copy, or exchanged while the datastore is down; the webservers stay.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type Bus, connectBus, type FrontsyncError } from "../bus/index.ts";
import { patient } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { freeze } from "./support/faults-processes.ts";
import { ReplaceableStore } from "./support/faults-stores.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { warningsOf } from "./support/warnings.ts";

const INTERVAL_S = 0.5;
const dashboards = (bus: Bus) => bus.collection("dashboards");

interface Scene {
  dir: string;
  store: ReplaceableStore;
  /** A webserver with some documents, a tombstone among them. */
  bus: Bus;
  open(webserver: string, datastore?: string | string[]): Promise<Bus>;
}

/** Runs `play` on a datastore with one webserver, and stops both. */
async function scene(t: TestContext, play: (scene: Scene) => Promise<void>): Promise<void> {
  const dir = temporaryFolder(t);
  await using store = new ReplaceableStore(dir);
  const { address } = await store.start();
  const buses: Bus[] = [];
  const open = async (webserver: string, datastore: string | string[] = address) => {
    const bus = await connectBus({ datastore, webserver, dir: join(dir, webserver), updateInterval: INTERVAL_S });
    buses.push(bus);
    return patient(bus);
  };
  try {
    const bus = await open("web1");
    await bus.caughtUp();
    for (let n = 0; n < 10; n++) await dashboards(bus).put({ id: `d${n}`, name: `${n}` });
    await dashboards(bus).delete("d9");
    await play({ dir, store, bus, open });
  } finally {
    for (const bus of buses) await bus.close();
  }
}

async function until(bus: Bus, state: string, withinMs = 60_000): Promise<void> {
  await eventually(`${state}, not ${bus.status().state}`, withinMs, () => bus.status().state === state);
}

/** What a bus holds: every document. */
/** What is held; what waits to be written is beside it. */
async function everything(bus: Bus): Promise<unknown> {
  return (await dashboards(bus).list({ limit: 1000 })).items.filter(({ pending }) => !pending);
}

/** A copy of the store is made while everything runs, with the same lives; then so many documents are written, and it is stopped. What the bus holds. */
async function goesOn(store: ReplaceableStore, bus: Bus, documents: number): Promise<unknown> {
  {
    using _frozen = freeze([store.datastore.pids.natsServer]);
    await store.save("older");
  }
  await until(bus, "synced");
  for (let n = 0; n < documents; n++) await dashboards(bus).put({ id: `later${n}`, name: "later" });
  const had = await everything(bus);
  await store.stop();
  return had;
}

const checkIns = (bus: Bus) => bus.status().counters.checkIns;

/** While the datastore is down: counts the check-ins from here to the one that finds out. */
function countToHeld(bus: Bus): () => number {
  const before = checkIns(bus);
  let found = Number.NaN;
  const leave = bus.onStatus(({ state, counters }) => {
    if (state !== "held") return;
    found = counters.checkIns - before;
    leave();
  });
  return () => found;
}

/** Held after at most two check-ins, with everything that it had, and writing nothing. */
async function assertHeld(bus: Bus, count: () => number, had: unknown, docs = 9): Promise<void> {
  await until(bus, "held");
  assert.ok(count() <= 2, `${count()} check-ins`);
  const before = checkIns(bus);
  await eventually("two more check-ins", 60_000, () => checkIns(bus) >= before + 2);
  assert.equal(bus.status().state, "held");
  assert.deepEqual(warningsOf(bus), ["HELD"]);
  assert.deepEqual(await everything(bus), had);
  assert.equal((had as unknown[]).length, docs);
  for (const write of [
    () => dashboards(bus).put({ id: "d1", name: "no" }),
    () => dashboards(bus).patch("d1", { name: "no" }),
    () => dashboards(bus).delete("d1"),
    () => bus.caughtUp(null, { timeoutMs: 300 }),
    () => bus.call("users.setLocked", { uid: 2, locked: true }),
  ])
    await assert.rejects(write, { code: "HELD", retryable: true });
  const { session } = await bus.call("users.login", { user: "admin", password: "changeme" });
  assert.ok(session.webserver, "it serves, so users log in: by what it has");
  await bus.caughtUp((had as { revision: number }[])[0]?.revision);
}

async function assertBack(bus: Bus, others: readonly Bus[]): Promise<void> {
  await until(bus, "synced");
  assert.deepEqual(warningsOf(bus), []);
  const { revision } = await dashboards(bus).put({ id: "back", name: "back" });
  for (const other of others) await other.caughtUp(revision);
  await assertEqualReplicas([bus, ...others]);
}

describe("a webserver is held", { concurrency: 2 }, () => {
  it("by an empty store in the place of its own, also after its own restart, until its own is back", async (t) => {
    await scene(t, async ({ dir, store, bus, open }) => {
      const had = await everything(bus);
      await store.stop();
      const count = countToHeld(bus);
      await store.replaceBy(undefined, "right");
      await store.start();
      await assertHeld(bus, count, had);
      // A webserver that holds nothing belongs to whatever it meets.
      const stranger = await open("stranger");
      await dashboards(stranger)
        .put({ id: "d1", name: "of the wrong store" }, { timeoutMs: 60_000 })
        .catch(async () => {
          await until(stranger, "synced");
          await dashboards(stranger).put({ id: "d1", name: "of the wrong store" });
        });
      assert.deepEqual(await everything(bus), had, "live changes of another store are not applied");
      await bus.close();
      const again = await open("web1");
      await assertHeld(again, countToHeld(again), had);
      await again.close();
      // Half of a replica still knows which store it is of.
      rmSync(join(dir, "web1", "users.db"));
      const reopened = await open("web1");
      await until(reopened, "held");
      assert.deepEqual(await everything(reopened), had);

      await store.stop();
      await store.replaceBy("right", "wrong");
      await store.start();
      await assertBack(reopened, []);
      await until(stranger, "held");
      assert.equal((await dashboards(stranger).get("d1"))?.doc.name, "of the wrong store");
    });
  });

  for (const regrown of [false, true]) {
    it(`by an older copy of its store${regrown ? " that has grown past its own position" : ""}`, async (t) => {
      await scene(t, async ({ store, bus, open }) => {
        await store.stop();
        await store.save("older");
        await store.start();
        await until(bus, "synced");
        for (let n = 0; n < 5; n++) await dashboards(bus).put({ id: `later${n}`, name: "later" });
        const had = await everything(bus);
        await store.stop();
        const count = countToHeld(bus);
        await store.replaceBy("older", "right");
        await store.start();
        if (regrown) {
          const other = await open("other");
          await other.caughtUp();
          for (let n = 0; n < 12; n++) await dashboards(other).put({ id: `d${n}`, name: "regrown" });
          assert.ok(other.status().cursor > bus.status().cursor);
          await other.close();
        }
        await assertHeld(bus, count, had, 14);
        await store.stop();
        await store.replaceBy("right", "wrong");
        await store.start();
        await assertBack(bus, []);
        assert.equal((await dashboards(bus).get("later4"))?.doc.name, "later");
      });
    });
  }

  it("by an older copy that has grown past it, also when one of its own two databases is lost: the other one tells", async (t) => {
    await scene(t, async ({ dir, store, bus, open }) => {
      const had = await goesOn(store, bus, 5);
      await bus.close();
      rmSync(join(dir, "web1", "users.db"));
      await store.replaceBy("older", "right");
      await store.start();
      const other = await open("other");
      await other.caughtUp();
      for (let n = 0; n < 12; n++) await dashboards(other).put({ id: `d${n}`, name: "regrown" });
      await other.close();
      const again = await open("web1");
      await until(again, "held");
      assert.deepEqual(await everything(again), had);
      await store.stop();
      await store.replaceBy("right", "wrong");
      await store.start();
      await assertBack(again, []);
      assert.equal((await dashboards(again).get("later4"))?.doc.name, "later");
    });
  });

  it("by a copy that was made while everything ran, with the same lives and an older end", async (t) => {
    await scene(t, async ({ store, bus }) => {
      const had = await goesOn(store, bus, 20);
      const count = countToHeld(bus);
      await store.replaceBy("older", "right");
      await store.start();
      await assertHeld(bus, count, had, 29);
      await store.stop();
      await store.replaceBy("right", "wrong");
      await store.start();
      await assertBack(bus, []);
    });
  });

  it("when two stores are among its addresses by mistake, and writes that were under way reach no wrong one", async (t) => {
    await scene(t, async ({ dir, store, open }) => {
      await using second = new ReplaceableStore(join(dir, "second"));
      const { address } = await second.start();
      await second.stop();
      const bus = await open("web2", [store.datastore.address, address]);
      await bus.caughtUp();
      await second.start();
      const had = await everything(bus);
      const frozen = freeze(store.datastore.pids.handlers);
      const write = { id: "under way", name: "under way" };
      const unanswered = (await dashboards(bus)
        .put(write, { timeoutMs: 200 })
        .catch((error: unknown) => error)) as FrontsyncError;
      assert.equal(unanswered.code, "TIMEOUT");
      for (const pid of store.datastore.pids.handlers) process.kill(pid, "SIGKILL");
      frozen.thaw();
      const count = countToHeld(bus);
      await store.stop();
      await assertHeld(bus, count, had);
      assert.equal((await bus.outbox.list()).length, 1);
      assert.equal((await dashboards(bus).get("under way"))?.pending, true);
      await using watcher = await connectBus({ datastore: address, webserver: "watcher", dir: join(dir, "watcher") });
      await watcher.caughtUp();
      assert.deepEqual(await everything(watcher), []);
      await store.start();
      await second.stop();
      await until(bus, "synced");
      await bus.caughtUp();
      const { revision } = await dashboards(bus).put(write, { mutationId: unanswered.mutationId ?? "" });
      assert.equal((await dashboards(bus).get("under way"))?.revision, revision);
    });
  });
});

it("a restart of nats-server, or of the whole datastore, holds nobody", async (t) => {
  await scene(t, async ({ store, bus }) => {
    const seen = new Set<string>();
    bus.onStatus(({ state }) => seen.add(state));
    for (const restart of ["kill", "stop", "kill"]) {
      if (restart === "kill") process.kill(store.datastore.pids.natsServer ?? 0, "SIGKILL");
      else {
        await store.stop();
        await store.start();
      }
      await eventually("the contact was lost", 60_000, () => seen.has("degraded"));
      await until(bus, "synced");
      seen.delete("degraded");
      await dashboards(bus).put({ id: "d1", name: restart });
    }
    assert.ok(!seen.has("held"));
    assert.equal(bus.status().counters.resyncs, 0);
  });
});
