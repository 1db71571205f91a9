// Goal: what was deleted is forgotten in the end, everywhere, and nobody notices: no replica differs, nothing comes back, a webserver that was away
// loses only what was deleted. Method: real deployments whose limits are short; the store is read from within the functions' account.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Bus, connectBus } from "../bus/index.ts";
import { pause } from "../bus/platform/deadline.ts";
import type { Connection } from "../bus/wire/nats.ts";
import { readAll } from "../bus/wire/reader.ts";
import { readSubject } from "../bus/wire/stream.ts";
import { floorSubject, GC, liveSubject, parseStoreSubject, STREAM, storeSubjects } from "../bus/wire/subjects.ts";
import { type Deployment, deploy, patient } from "./support/deployment.ts";
import { assertEqualReplicas, connectFunctions } from "./support/faults-ledger.ts";
import { dice } from "./support/faults-random.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { Gate } from "./support/offline.ts";
import { warningsOf } from "./support/warnings.ts";

const LONG_MS = 180_000;
/** Away is who says nothing for longer than a machine stands still. */
const LIMITS = { tombstoneKeepSeconds: 0, tombstoneAwaySeconds: 8 };

const dashboards = (bus: Bus | undefined) => (bus as Bus).collection("dashboards");
const document = (id: string) => ({ id, name: id });
const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

/** The store as it is now, seen from within the functions' account. */
class Store implements AsyncDisposable {
  readonly #connection: Connection;

  static async of(deployment: Deployment): Promise<Store> {
    return new Store(await connectFunctions(deployment));
  }

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Ids of the tombstones that it has. */
  async tombstones(collection = "dashboards"): Promise<string[]> {
    const ids: string[] = [];
    for await (const versions of readAll(this.#connection, { stream: STREAM, subjects: storeSubjects(collection) }))
      for (const { subject, deleted } of versions) if (deleted) ids.push(parseStoreSubject(subject).token);
    return ids;
  }

  async floor(collection = "dashboards"): Promise<number> {
    const stored = await readSubject(this.#connection, floorSubject(collection));
    return (JSON.parse(Buffer.from(stored?.body ?? []).toString() || '{"floor":0}') as { floor: number }).floor;
  }

  onFloor(listener: () => void): void {
    this.#connection.subscribe(liveSubject(GC), listener);
  }

  async collected(but: readonly string[] = [], collection?: string): Promise<void> {
    await eventually("the tombstones are collected", LONG_MS, async () => {
      await pause(50);
      return (await this.tombstones(collection)).every((id) => but.includes(id));
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection.close();
  }
}

/** The webservers agree with the datastore, at check-ins from now on, and did so all the time. */
async function assertNoDrift(buses: readonly Bus[]): Promise<void> {
  const asked = buses.map((bus) => bus.status().counters.checkIns);
  await eventually("more check-ins", LONG_MS, () =>
    buses.every((bus, n) => bus.status().counters.checkIns > (asked[n] ?? 0) + 2),
  );
  for (const bus of buses) {
    const { drifts, resyncs, rebuilds } = bus.status().counters;
    assert.deepEqual([{ drifts, resyncs, rebuilds }, warningsOf(bus)], [{ drifts: 0, resyncs: 0, rebuilds: 0 }, []]);
  }
}

describe("tombstones", () => {
  let deployment: Deployment;
  let web1: Bus;
  let web2: Bus;
  let store: Store;
  before(async () => {
    deployment = await deploy({ webservers: 2, handlers: 2, ...LIMITS, bus: { updateInterval: 0.2 } });
    [web1, web2] = deployment.buses as [Bus, Bus];
    store = await Store.of(deployment);
  });
  after(async () => {
    await store[Symbol.asyncDispose]();
    await deployment[Symbol.asyncDispose]();
  });

  it("are collected when every webserver is past them, after the store has said so", async () => {
    await dashboards(web1).putMany(ids("a", 30).map(document));
    for (const id of ids("a", 20)) await dashboards(web1).delete(id);
    await dashboards(web2).put(document("last"));
    await store.collected();
    assert.ok((await store.floor()) > 0);
    await assertEqualReplicas([web1, web2]);
    await using fresh = await deployment.connect("fresh");
    await assertEqualReplicas([web1, fresh]);
    await assertNoDrift([web1, web2, fresh]);
    assert.equal((await dashboards(fresh).list({ limit: 100 })).items.length, 11);
    await fresh.close();
  });

  it("are collected while their documents are written again, and no replica differs", async (t) => {
    const chance = dice(t);
    const until = performance.now() + 3000;
    const edit = async (bus: Bus, lane: number) => {
      while (performance.now() < until) {
        const id = `again${lane}-${Math.floor(chance.number(0, 4))}`;
        if (chance.number(0, 1) < 0.5) await dashboards(bus).put(document(id));
        else
          await dashboards(bus)
            .delete(id)
            .catch(() => {});
      }
    };
    await Promise.all([0, 1, 2, 3].map((lane) => edit(lane % 2 === 0 ? web1 : web2, lane)));
    await dashboards(web1).put(document("last"));
    await Promise.all([web1.caughtUp(), web2.caughtUp()]);
    await store.collected();
    await assertEqualReplicas([web1, web2]);
    await assertNoDrift([web1, web2]);
  });

  it("are collected while webservers come that have nothing yet, and none of them ever shows what was deleted", async () => {
    const many = ids("c", 1200);
    await dashboards(web1).putMany(many.map(document), { timeoutMs: LONG_MS });
    await Promise.all(many.map((id) => dashboards(web1).delete(id, { timeoutMs: LONG_MS })));
    await dashboards(web1).put(document("last"));
    let collected = false;
    const come = async (lane: number) => {
      for (let n = 0; !collected; n++) {
        const webserver = `new${lane}-${n}`;
        // Without an address: nothing waits for it.
        const options = { datastore: deployment.datastore.address, dir: join(deployment.dir, webserver), updateInterval: 0.2 };
        await using bus = patient(await connectBus({ ...options, webserver }));
        await bus.caughtUp();
        const shown = (await dashboards(bus).list({ limit: 1000 })).items.filter(({ id }) => id.startsWith("c"));
        assert.deepEqual(shown, []);
        assert.equal(bus.status().counters.drifts, 0);
      }
    };
    await Promise.all([
      ...[0, 1, 2].map(come),
      store.collected().finally(() => {
        collected = true;
      }),
    ]);
    await assertEqualReplicas([web1, web2]);
    await assertNoDrift([web1, web2]);
  });

  it("of the highest number stay: it is never given again", async () => {
    const users = web1.collection("users");
    const made: number[] = [];
    for (const name of ["one", "two", "three"]) made.push(Number((await users.put({ user: name })).id));
    const [first, second, third] = made as [number, number, number];
    await users.delete(String(second));
    await users.delete(String(third));
    await users.patch(String(first), { email: "a change behind them" });
    await store.collected([String(third)], "users");
    assert.deepEqual(await store.tombstones("users"), [String(third)]);
    assert.ok(Number((await users.put({ user: "four" })).id) > third);
    await assertEqualReplicas([web1, web2]);
    await assertNoDrift([web1, web2]);
  });

  it("that a webserver has missed delete its rows when it comes back; what it had not uploaded is stored, and nothing comes back", async () => {
    await dashboards(web1).putMany(ids("b", 10).map(document));
    const away = await deployment.connect("away");
    await away.close();
    const dir = join(deployment.dir, "away");
    const offline = await connectBus({ datastore: "127.0.0.1:1", webserver: "away", dir });
    await dashboards(offline).put(document("made-offline"));
    await dashboards(offline).patch("b3", { name: "edited offline" });
    await offline.close();
    for (const id of ids("b", 8)) await dashboards(web1).delete(id);
    await dashboards(web1).put(document("last"));
    await store.collected();
    const back = await deployment.connect("away");
    const held = await Promise.all(ids("b", 10).map(async (id) => (await dashboards(back).get(id)) !== undefined));
    assert.deepEqual(
      held,
      ids("b", 10).map((_, n) => n >= 8),
    );
    await assertEqualReplicas([web1, web2, back]);
    assert.equal((await dashboards(web1).get("made-offline"))?.doc.name, "made-offline");
    // What nobody can take any more is kept where its author finds it.
    const { deadLetters, conflicts } = back.status();
    assert.ok(deadLetters + conflicts > 0, JSON.stringify({ deadLetters, conflicts }));
    assert.equal(await dashboards(web1).get("b3"), undefined);
    await assertNoDrift([web1, web2, back]);
    await back.close();
  });

  it("that a webserver has missed delete its rows also when it is stopped while it compares them, and is seen to hold less until then", async () => {
    await dashboards(web1).putMany(ids("s", 10).map(document));
    await using away = await deployment.connect("stopped");
    const left = away.status().cursor;
    await away.close();
    for (const id of ids("s", 8)) await dashboards(web1).delete(id);
    await dashboards(web1).put(document("last"));
    await store.collected();
    const dir = join(deployment.dir, "stopped");
    await using deaf = await Gate.to(deployment.datastore.address, { cutAt: ".dashboards.listing." });
    await using reading = await connectBus({ datastore: deaf.address, webserver: "stopped", dir, updateInterval: 0.2 });
    await eventually("it has asked for the list", LONG_MS, () => deaf.cuts > 1);
    assert.equal(reading.status().cursor, left, "what was deleted meanwhile is not known yet");
    await reading.close();
    await using offline = await connectBus({ datastore: "127.0.0.1:1", webserver: "stopped", dir });
    const { cursor, reading: read = 0 } = offline.status();
    assert.deepEqual([cursor, read > cursor], [left, true]);
    await offline.close();
    await using back = patient(
      await connectBus({ datastore: deployment.datastore.address, webserver: "stopped", dir, updateInterval: 0.2 }),
    );
    const told: string[] = [];
    const reader = dashboards(back).changes();
    void (async () => {
      for await (const { op, id } of reader) told.push(`${op} ${id}`);
    })();
    await back.caughtUp();
    const shown = (await dashboards(back).list({ limit: 1000 })).items.filter(({ id }) => id.startsWith("s"));
    assert.deepEqual(
      shown.map(({ id }) => id),
      ["s8", "s9"],
    );
    await eventually("readers are told", LONG_MS, () => ids("s", 8).every((id) => told.includes(`delete ${id}`)));
    await assertEqualReplicas([web1, back]);
    await assertNoDrift([web1, back]);
  });
});

describe("tombstones of webservers that are waited for", () => {
  it("stay until it is past them", async () => {
    await using deployment = await deploy({ webservers: 2, tombstoneKeepSeconds: 0, bus: { updateInterval: 0.2 } });
    await using store = await Store.of(deployment);
    const [web1, web2] = deployment.buses as [Bus, Bus];
    await dashboards(web1).putMany(["x", "y"].map(document));
    await web2.caughtUp((await dashboards(web1).get("y"))?.revision ?? null);
    await web2.close();
    await dashboards(web1).delete("x");
    await dashboards(web1).put(document("last"));
    const { checkIns } = web1.status().counters;
    await eventually("several runs", LONG_MS, () => web1.status().counters.checkIns > checkIns + 8);
    assert.deepEqual(await store.tombstones(), ["x"]);
    const back = await deployment.connect("web2");
    assert.equal(await dashboards(back).get("x"), undefined);
    await store.collected();
    await assertNoDrift([web1, back]);
  });

  it("survive handlers that are killed in the middle, and are collected in the end", async () => {
    await using deployment = await deploy({ webservers: 2, handlers: 2, ...LIMITS, bus: { updateInterval: 0.2 } });
    await using store = await Store.of(deployment);
    const [web1, web2] = deployment.buses as [Bus, Bus];
    const many = ids("m", 1200);
    await dashboards(web1).putMany(many.map(document), { timeoutMs: LONG_MS });
    let killed = 0;
    // A floor is stated, and the tombstones below it are still there.
    store.onFloor(() => {
      if (killed++ < 2) for (const pid of deployment.datastore.pids.handlers) process.kill(pid, "SIGKILL");
    });
    await Promise.all(many.map((id) => dashboards(web1).delete(id, { timeoutMs: LONG_MS })));
    await dashboards(web1).put(document("last"));
    await store.collected();
    assert.ok(killed > 0, "a handler was killed while it collected");
    await Promise.all([web1.caughtUp(), web2.caughtUp()]);
    await assertEqualReplicas([web1, web2]);
    assert.equal((await dashboards(web2).list()).items.length, 1);
    await using fresh = await deployment.connect("fresh");
    await assertEqualReplicas([web1, fresh]);
    await assertNoDrift([web1, web2, fresh]);
  });

  it("that were collected of a collection which the datastore serves no longer keep nobody from catching up", async (t) => {
    const schemas = temporaryFolder(t);
    const collection = { version: 1, database: "webstore", key: ["id"], indexes: [], limits: { bytes: 10_000 }, policy: "merge" };
    const notes = {
      ...{ $schema: "http://json-schema.org/draft-07/schema#", $id: "notes", title: "Note", description: "A note." },
      ...{ type: "object", required: ["id"], properties: { id: { type: "string", minLength: 1 } } },
      collection: { ...collection, access: "directory", offline: true, retention: { versions: 20 } },
    };
    writeFileSync(join(schemas, "notes.json"), JSON.stringify(notes));
    await using deployment = await deploy({ webservers: 1, schemas: [schemas], ...LIMITS, bus: { updateInterval: 0.2 } });
    const [web1] = deployment.buses as [Bus];
    await using store = await Store.of(deployment);
    for (const id of ["gone", "last"]) await web1.collection("notes").put({ id });
    await web1.collection("notes").delete("gone");
    await web1.collection("notes").put({ id: "last" });
    await store.collected([], "notes");
    await web1.close();
    await deployment.restartDatastore({ schemas: [] });
    await using fresh = await deployment.connect("fresh", { schemas: [] });
    assert.equal(fresh.status().state, "synced");
  });
});
