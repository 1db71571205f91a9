// Goal: a replica that was damaged is noticed and made whole from the datastore; nothing wrong is served for long, and nothing that can be
// read is thrown away unseen. Method: the files of a closed bus are cut, overwritten, or changed with sql.js, and the folder is opened
// again beside a writer whose replica is right.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import initSqlJs, { type Database } from "sql.js";
import { type Bus, connectBus } from "../bus/index.ts";
import { readSetAside } from "../bus/replica/recovery.ts";
import { type Deployment, deploy, patient } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { hearRequests } from "./support/faults-spy.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { warningsOf } from "./support/warnings.ts";

const DOCS = 60;
const sql = await initSqlJs();

let deployment: Deployment;
let writer: Bus;
/** A folder that is whole: each test damages a copy. */
let whole: string;
/** Its cursor; behind it a few documents are new. */
let cursor: number;

const dashboards = (bus: Bus) => bus.collection("dashboards");

/** A copy of the whole folder, and the names of its files after something was done to them. */
function damaged(webserver: string, damage: (file: (name: string) => string) => void): string {
  const dir = join(deployment.dir, webserver);
  mkdirSync(dir);
  for (const name of readdirSync(whole)) cpSync(join(whole, name), join(dir, name), { recursive: true });
  damage((name) => join(dir, name));
  return dir;
}

/** Changes a database file as somebody else would. */
function edit(file: string, change: (database: Database) => void): void {
  const database = new sql.Database(readFileSync(file));
  change(database);
  writeFileSync(file, database.export());
  database.close();
}

async function open(webserver: string, dir: string): Promise<{ bus: Bus; from: number[] } & AsyncDisposable> {
  await using spy = await hearRequests(deployment);
  const bus = await connectBus({ datastore: deployment.datastore.address, webserver, dir, updateInterval: 0.5 });
  await patient(bus).caughtUp();
  await spy.settle();
  const pages = spy.requests.filter((request) => request.verb === "changes" && request.webserver === webserver);
  return { bus, from: pages.map(({ body }) => Number(body.after)), [Symbol.asyncDispose]: () => bus.close() };
}

describe("a damaged replica", { concurrency: 3 }, () => {
  before(async () => {
    deployment = await deploy({ webservers: 1, handlers: 2, bus: { updateInterval: 1 } });
    writer = deployment.buses[0] as Bus;
    const docs = Array.from({ length: DOCS }, (_, n) => ({
      id: `doc${n}`,
      name: `name ${n}`,
      data: `content of ${n} `.repeat(20),
    }));
    await dashboards(writer).putMany(docs);
    await dashboards(writer).delete("doc5");
    for (let uid = 1; uid <= 5; uid++)
      await writer.collection("preferences").put({ uid, name: "prefs", data: { theme: "dark" } });
    whole = join(deployment.dir, "whole");
    const bus = await deployment.connect("whole");
    await bus.close();
    cursor = bus.status().cursor;
    await dashboards(writer).put({ id: "new", name: "new" });
  });
  after(() => deployment[Symbol.asyncDispose]());

  const unreadable: Record<string, (file: (name: string) => string) => void> = {
    "cut short": (file) => writeFileSync(file("webstore.db"), readFileSync(file("webstore.db")).subarray(0, 9000)),
    empty: (file) => writeFileSync(file("webstore.db"), ""),
    "full of garbage": (file) => writeFileSync(file("users.db"), Buffer.alloc(50_000, "garbage")),
    "of another program": (file) => edit(file("users.db"), (database) => database.run("DROP TABLE _frontsync")),
    "of another version": (file) =>
      edit(file("webstore.db"), (database) => database.run("UPDATE _frontsync SET value = '999' WHERE key = 'format'")),
  };
  for (const [what, damage] of Object.entries(unreadable)) {
    it(`that is ${what} is set aside with a warning, and everything is read anew`, async () => {
      const name = `is-${what.replaceAll(" ", "-")}`;
      const dir = damaged(name, damage);
      await using opened = await open(name, dir);
      const { bus, from } = opened;
      assert.deepEqual(warningsOf(bus), ["REPLICA_REBUILT"]);
      assert.equal(from[0], 0);
      assert.equal(readdirSync(dir).filter((file) => file.includes(".damaged-")).length, 1);
      await assertEqualReplicas([writer, bus]);
      assert.equal(bus.status().counters.resyncs, 0);
      await bus.close();
      await using reopened = await open(name, dir);
      const { bus: again, from: later } = reopened;
      // A page that is slow to come is asked for once more.
      assert.deepEqual([warningsOf(again), new Set(later)], [[], new Set([bus.status().cursor])]);
    });
  }

  it("with a flipped byte in a body is noticed at its start: that row is not served, and everything is read anew, with a warning", async () => {
    const dir = damaged("flipped", (file) => {
      const bytes = readFileSync(file("webstore.db"));
      const at = bytes.indexOf("content of 33 ");
      assert.ok(at > 0);
      bytes[at + 200] = 0x21;
      writeFileSync(file("webstore.db"), bytes);
    });
    await using offline = await connectBus({ datastore: "127.0.0.1:1", webserver: "flipped", dir });
    assert.deepEqual(warningsOf(offline), ["REPLICA_REBUILT"]);
    assert.equal(await dashboards(offline).get("doc33"), undefined);
    assert.equal((await dashboards(offline).get("doc34"))?.doc.name, "name 34");
    await offline.close();
    await using opened = await open("flipped", dir);
    const { bus, from } = opened;
    assert.equal(from[0], 0);
    await assertEqualReplicas([writer, bus]);
    assert.equal((await dashboards(bus).get("doc33"))?.doc.data, "content of 33 ".repeat(20));
    assert.ok(
      readdirSync(dir).some((file) => file.includes(".damaged-")),
      "what was wrong can be looked at",
    );
    await bus.close();
  });

  const missing: Record<string, (file: (name: string) => string) => void> = {
    "a document": (file) => edit(file("webstore.db"), (database) => database.run("DELETE FROM dashboards WHERE id = 'doc33'")),
    "a tombstone": (file) => edit(file("webstore.db"), (database) => database.run("DELETE FROM dashboards WHERE id = 'doc5'")),
    "a row of users.db": (file) =>
      edit(file("users.db"), (database) => database.run("DELETE FROM preferences WHERE id = '3/prefs'")),
    "every row": (file) => edit(file("webstore.db"), (database) => database.run("DELETE FROM dashboards")),
  };
  for (const [what, damage] of Object.entries(missing)) {
    it(`that lacks ${what} is noticed by its digests at the next check-in, and compares that collection with the datastore's list`, async () => {
      const name = `lacks-${what.replaceAll(/[^a-z]+/g, "-")}`;
      await using opened = await open(name, damaged(name, damage));
      const { bus, from } = opened;
      assert.equal(from[0], cursor, "its position says that nothing is missing");
      await eventually("it has noticed", 60_000, () => bus.status().counters.resyncs > 0);
      await assertEqualReplicas([writer, bus]);
      await eventually("a check-in that agrees", 60_000, () => bus.status().state === "synced");
      const { resyncs, checkIns } = bus.status().counters;
      await eventually("two more check-ins", 60_000, () => bus.status().counters.checkIns >= checkIns + 2);
      assert.deepEqual([bus.status().counters.resyncs, warningsOf(bus)], [resyncs, []]);
      assert.equal(resyncs, 1);
      await bus.close();
    });
  }

  const wrong: Record<string, { statement: string; kept: string }> = {
    "holds a row that never was": {
      statement:
        "INSERT INTO dashboards SELECT revision - 1000000, 'extra', deleted, headers, body FROM dashboards WHERE id = 'doc1'",
      kept: "extra",
    },
    "holds a row under a later revision": {
      statement: "UPDATE dashboards SET revision = revision + 1000000000 WHERE id = 'doc7'",
      kept: "doc7",
    },
    "holds a row under an earlier revision": {
      statement: "UPDATE dashboards SET revision = revision - 1000000 WHERE id = 'doc8'",
      kept: "",
    },
  };
  for (const [what, { statement, kept }] of Object.entries(wrong)) {
    it(`that ${what} sets it aside where it can be found, with a warning, and is whole again`, async () => {
      const name = what.replaceAll(" ", "-");
      const dir = damaged(name, (file) => edit(file("webstore.db"), (database) => database.run(statement)));
      await using opened = await open(name, dir);
      const { bus } = opened;
      await eventually("it is whole again", 60_000, () => bus.status().counters.resyncs > 0);
      await assertEqualReplicas([writer, bus]);
      assert.deepEqual(
        [...readSetAside(dir)].map(({ id, body }) => [id, body !== null]),
        kept === "" ? [] : [[kept, true]],
      );
      await eventually("it says so", 60_000, () => isDeepStrictEqual(warningsOf(bus), kept === "" ? [] : ["ROWS_SET_ASIDE"]));
      const { resyncs, rebuilds } = bus.status().counters;
      assert.deepEqual([resyncs, rebuilds], [1, 0]);
      await bus.close();
      await using reopened = await open(name, dir);
      assert.deepEqual(warningsOf(reopened.bus), kept === "" ? [] : ["ROWS_SET_ASIDE"]);
      await reopened.bus.close();
    });
  }

  it("of which the datastore lacks too much to be an accident stops, says why, and goes on serving all of it", async () => {
    const dir = damaged("too-much", (file) =>
      edit(file("webstore.db"), (database) =>
        database.run(
          "INSERT INTO dashboards SELECT revision - 1000000, 'extra' || id, deleted, headers, body FROM dashboards WHERE id LIKE 'doc_%' LIMIT 40",
        ),
      ),
    );
    await using opened = await open("too-much", dir);
    const { bus } = opened;
    await eventually("it stops", 60_000, () => warningsOf(bus).includes("DIVERGED"));
    assert.equal((await dashboards(bus).get("extradoc1"))?.doc.name, "name 1");
    assert.deepEqual([...readSetAside(dir)], []);
    const { drifts, resyncs, rebuilds, checkIns } = bus.status().counters;
    assert.equal(rebuilds, 1);
    await eventually("three more check-ins", 60_000, () => bus.status().counters.checkIns >= checkIns + 3);
    const { counters } = bus.status();
    assert.deepEqual([counters.drifts, counters.resyncs], [drifts, resyncs], "it does no more");
    await eventually("it is in step", 60_000, () => bus.status().state === "synced");
    await writer.collection("dashboards").put({ id: "after", name: "after" });
    await eventually("it follows", 60_000, async () => (await dashboards(bus).get("after")) !== undefined);
    await bus.close();
  });

  it("whose files are gone is a new one", async () => {
    await using opened = await open("gone", join(deployment.dir, "gone"));
    const { bus, from } = opened;
    assert.deepEqual([from[0], warningsOf(bus)], [0, []]);
    await assertEqualReplicas([writer, bus]);
    assert.ok(existsSync(join(deployment.dir, "gone", "lock")));
    await bus.close();
  });
});
