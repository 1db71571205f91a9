// Goal: a replica's databases are in memory alone, and its snapshot is on the disk as a whole, with what changed while one was being written in the
// next one; a disk that does not take it is told, and does not stop anything. Method: snapshots are read as they lie on the disk, while a bus is
// at work in the folder; a folder stands where the snapshot's temporary file belongs.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import initSqlJs, { type SqlJsStatic } from "sql.js";
import type { Bus } from "../bus/index.ts";
import { ReplicaDatabase } from "../bus/replica/database.ts";
import { KnownSubjects } from "../bus/replica/known.ts";
import { loadSnapshot, openMemory } from "../bus/replica/memory.ts";
import { NOWHERE } from "../bus/replica/position.ts";
import { openSnapshots } from "../bus/replica/snapshot.ts";
import { storeSubject } from "../bus/wire/subjects.ts";
import { StoredVersion } from "../bus/wire/version.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { warningsOf } from "./support/warnings.ts";

const WAIT_MS = 60_000;

describe("a database in memory", () => {
  let sql: SqlJsStatic;

  before(async () => {
    sql = await initSqlJs();
  });

  const filled = (rows: number) => {
    const database = openMemory(sql);
    database.run("CREATE TABLE docs (revision INTEGER PRIMARY KEY, body TEXT)");
    for (let n = 1; n <= rows; n++) database.run("INSERT INTO docs VALUES (?, ?)", [n, "x".repeat(1000)]);
    return database;
  };
  const count = (database: ReturnType<typeof openMemory>) => database.exec("SELECT count(*) FROM docs")[0]?.values[0]?.[0];

  it("has no file, and one closed takes nothing from another", () => {
    const [first, second] = [filled(3), filled(5)];
    assert.deepEqual(first.exec("PRAGMA database_list")[0]?.values, [[0, "main", ""]]);
    first.close();
    assert.equal(count(second), 5);
    second.close();
  });

  it("becomes a snapshot that is whole, and goes on with its statements; the snapshot becomes a database", () => {
    const database = filled(2000);
    const insert = database.prepare("INSERT INTO docs VALUES (?, ?)");
    const bytes = database.export();
    insert.run([2001, "later"]);
    const loaded = openMemory(sql);
    loadSnapshot(sql, loaded, bytes, () => loaded.run("CREATE TABLE docs (revision INTEGER PRIMARY KEY, body TEXT)"));
    assert.deepEqual([count(database), count(loaded)], [2001, 2000]);
    assert.deepEqual(loaded.exec("PRAGMA page_size")[0]?.values, database.exec("PRAGMA page_size")[0]?.values);
    for (const each of [database, loaded]) each.close();
  });
});

describe("a database whose rows were set back", () => {
  it("is looked at for them without anything staying open: it can be copied, and made anew", async (t) => {
    const file = join(temporaryFolder(t), "docs.db");
    const database = new ReplicaDatabase(await initSqlJs(), file, new Map(), new KnownSubjects(), () => {});
    assert.equal(database.hasLeftBack, false);
    const headers = Buffer.from("NATS/1.0\r\n\r\n");
    for (const n of [1, 2, 3])
      database.apply("docs", StoredVersion.of(storeSubject("docs", `d${n}`), n, headers, Buffer.from("{}")));
    database.setBack();
    assert.equal(database.hasLeftBack, true);
    assert.ok(database.snapshot(NOWHERE).bytes.length > 0);
    database.remake();
    database.giveUp();
    assert.equal(database.hasLeftBack, false);
  });
});

describe("a snapshot", () => {
  let deployment: Deployment;
  let bus: Bus;
  const dir = () => join(deployment.dir, "web1");

  before(async () => {
    deployment = await deploy({ webservers: 1 });
    [bus] = deployment.buses as [Bus];
  });
  after(async () => await deployment[Symbol.asyncDispose]());

  const put = async (from: number, documents: number) =>
    await bus
      .collection("dashboards")
      .putMany(Array.from({ length: documents }, (_, n) => ({ id: `d${from + n}`, name: "n", data: "x".repeat(2000) })));
  /** The number of dashboards in the snapshot on the disk: it is what there was at its revision. */
  const onDisk = async () => {
    const snapshots = await openSnapshots(dir());
    try {
      const found = [...snapshots.versions()].filter(({ collection }) => collection === "dashboards");
      assert.ok(found.every(({ revision }) => revision <= snapshots.revision));
      return found.length;
    } finally {
      snapshots.close();
    }
  };

  it("has what was there before, and the next one what changed while it was being written", async () => {
    let written = 0;
    for (; written < 3000; written += 500) {
      await put(written, 500);
      if (written === 1000) await eventually("a snapshot of a part", WAIT_MS, async () => (await onDisk().catch(() => 0)) > 0);
    }
    await eventually("a snapshot of everything", WAIT_MS, async () => (await onDisk()) === written);
    assert.deepEqual(
      readdirSync(dir()).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });

  it("that can't be written is told and tried again; meanwhile changes are followed", async () => {
    const inTheWay = join(dir(), "webstore.db.tmp");
    mkdirSync(inTheWay);
    const before = await onDisk();
    await put(100_000, 10);
    await eventually("a warning", WAIT_MS, () => warningsOf(bus).includes("SNAPSHOT_FAILED"));
    await put(200_000, 10);
    assert.equal(bus.status().state, "synced");
    assert.equal(await onDisk(), before);
    rmdirSync(inTheWay);
    await eventually("the snapshot", WAIT_MS, async () => (await onDisk()) === before + 20);
    await eventually("the end of the warning", WAIT_MS, () => !warningsOf(bus).includes("SNAPSHOT_FAILED"));
  });
});
