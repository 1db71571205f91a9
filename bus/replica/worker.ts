/** The replica's thread: sql.js runs here, so that neither a query nor a snapshot holds up the webserver. */
import { join } from "node:path";
import { parentPort } from "node:worker_threads";
import initSqlJs from "sql.js";
import { mayRead } from "../../schemas/access.ts";
import { asFrontsyncError } from "../../schemas/errors.ts";
import { loadSchemas, type Schemas } from "../../schemas/index.ts";
import { clock } from "../platform/clock.ts";
import { writeAtomicallySoon } from "../platform/files.ts";
import { decodeRecords } from "../wire/page.ts";
import { GC, isOwn, parseStoreSubject } from "../wire/subjects.ts";
import type { StoredVersion } from "../wire/version.ts";
import { Bodies } from "./bodies.ts";
import { ReplicaDatabase } from "./database.ts";
import { KnownSubjects } from "./known.ts";
import type { ListedRow, ReplicaCall, ReplicaMessage, ReplicaMethods } from "./methods.ts";
import { holds, offer } from "./offers.ts";
import { NOWHERE, positionOf, type ReplicaPosition, reachOf } from "./position.ts";
import { addTo, type Listing, reconcile } from "./reconcile.ts";
import { recoveryFile, setAside } from "./recovery.ts";
import { docOf, type Row, versionId } from "./row.ts";
import { firstOf, merged } from "./since.ts";
import { listStatement, writeCursor } from "./tables.ts";

/** A snapshot is written when nothing has changed for this long, and at the latest after that long, ms. */
const SETTLED_MS = 1000;
const LATEST_MS = 60_000;
/** … and never more often than leaves 49 parts of 50 for other work: a snapshot writes the whole database. */
const REST_FACTOR = 50;
/** What a user's `list` looks at in one go: the thread is there for others, too. */
const MAX_LOOK = { rows: 1000, bytes: 8 * 1024 * 1024 };

const REPLACED = "Another store is followed, which has another version of this document.";
const GIVEN_UP = "Another store is followed, which does not have this document.";

const sql = await initSqlJs();
let schemas: Schemas;
let databases: { users: ReplicaDatabase; webstore: ReplicaDatabase } | undefined;
let folder = "";
/** Rows that are gone in memory, and not yet kept aside on the disk: until they are there is no snapshot without them. */
const aside: (Row & { collection: string })[] = [];
/** How many were, since this was last asked. */
let replaced = 0;
let position: ReplicaPosition = { ...NOWHERE };
let dirtySince: number | undefined;
let timer: NodeJS.Timeout | undefined;
let failed: string | undefined;
let lastSnapshotMs = 0;
/** The snapshot that is on its way to the disk. */
let writing: Promise<void> | undefined;
/** The list of one collection, as far as it has come. */
const listing: Listing = new Map();
const bodies = new Bodies();

/** Throws DISK_FULL, INTERNAL. */
function keepAside(): void {
  if (aside.length === 0) return;
  setAside(folder, REPLACED, aside);
  replaced += aside.length;
  aside.length = 0;
}

function opened() {
  if (!databases) throw new Error("The replica is not open.");
  return databases;
}

function databaseOf(collection: string): ReplicaDatabase {
  const { users, webstore } = opened();
  return schemas.collections.get(collection)?.database === "users" ? users : webstore;
}

function changed(next: ReplicaPosition): void {
  position = next;
  dirtySince ??= clock.monotonic();
  if (!writing) schedule(dirtySince);
}

function schedule(since: number): void {
  clearTimeout(timer);
  const rest = lastSnapshotMs * REST_FACTOR;
  const latest = since + Math.max(LATEST_MS, rest) - clock.monotonic();
  timer = setTimeout(snapshot, Math.max(0, Math.min(Math.max(SETTLED_MS, rest), latest)));
}

/** Only the copy in memory holds this thread up; the disk does not. */
async function snapshot(): Promise<void> {
  const since = dirtySince;
  if (since === undefined || writing) return;
  const started = clock.monotonic();
  try {
    keepAside();
    const files = Object.values(opened()).map((database) => database.snapshot(position));
    dirtySince = undefined;
    writing = writeAll(files);
    await writing;
    lastSnapshotMs = clock.monotonic() - started;
    if (failed !== undefined) post({ event: "snapshot", failed: undefined });
    failed = undefined;
    writing = undefined;
    if (dirtySince !== undefined) schedule(dirtySince);
  } catch (error) {
    dirtySince = since;
    failed = String((error as Error).message ?? error);
    post({ event: "snapshot", failed });
    writing = undefined;
    timer = setTimeout(snapshot, SETTLED_MS * 5);
  }
}

async function writeAll(files: readonly { file: string; bytes: Uint8Array }[]): Promise<void> {
  for (const { file, bytes } of files) await writeAtomicallySoon(file, bytes);
}

/** The store says that tombstones of a collection are collected. */
function collected(collection: string, { body }: StoredVersion): void {
  databaseOf(collection).collect(collection, schemas.read("floor", body).floor);
}

const methods: ReplicaMethods = {
  open({ dir, schemas: folders, known: buffer }) {
    folder = dir;
    const keep = (row: Row & { collection: string }) => void aside.push(row);
    const known = new KnownSubjects(buffer);
    schemas = loadSchemas(folders);
    const of = (database: "users" | "webstore") =>
      new Map([...schemas.collections].filter(([, schema]) => schema.database === database));
    databases = {
      users: new ReplicaDatabase(sql, join(dir, "users.db"), of("users"), known, keep),
      webstore: new ReplicaDatabase(sql, join(dir, "webstore.db"), of("webstore"), known, keep),
    };
    const { users, webstore } = databases;
    position = positionOf(users.position, webstore.position);
    // One of the files was not written any more after another store was followed: its rows are of the store before.
    for (const database of [users, webstore])
      if (database.position.epoch !== undefined && database.position.generation !== position.generation) database.setBack();
    const back = [users, webstore].some(({ hasLeftBack }) => hasLeftBack);
    return { position, back, setAside: [users.setAside, webstore.setAside].filter((text) => text !== undefined) };
  },
  apply({ records, position: next }) {
    const { users, webstore } = opened();
    const faults: unknown[] = [];
    for (const database of [users, webstore]) database.begin();
    try {
      for (const change of decodeRecords(records)) {
        const { collection, token } = parseStoreSubject(change.subject);
        try {
          if (collection === GC) collected(token, change);
          else if (!isOwn(collection)) databaseOf(collection).apply(collection, change);
        } catch (fault) {
          // One that can't be applied holds up no other.
          faults.push(fault);
        }
      }
    } finally {
      for (const database of [users, webstore]) database.commit();
    }
    changed(next);
    keepAside();
    if (faults.length > 0) throw faults[0];
  },
  move: changed,
  get: ({ collection, id }) => databaseOf(collection).get(collection, id),
  list({ collection, query, found, actor, waiting }) {
    const schema = schemas.collection(collection);
    const database = databaseOf(collection);
    const over = waiting.length > 0 ? database.layOver(schema, waiting) : undefined;
    const { sql: statement, values, limit, sort, index } = listStatement(schema, query, actor && MAX_LOOK.rows, over);
    database.index(schema, index);
    const rows: ListedRow[] = [];
    const looked = { rows: 0, bytes: 0 };
    for (const row of database.query(statement, values)) {
      const [revision, id, headers, body, sorted = ""] = row as [number, string, string, string, (string | number)?];
      const cursor = writeCursor(sort === undefined ? [id] : [sorted, id]);
      if (!actor || mayRead(schema, actor, docOf(schema, body, headers)))
        rows.push({ id, revision: Math.max(revision, 0), headers, body, cursor });
      if (found + rows.length > limit) break;
      looked.rows++;
      looked.bytes += body.length;
      if (actor && (looked.rows >= MAX_LOOK.rows || looked.bytes >= MAX_LOOK.bytes)) return { rows, on: cursor };
    }
    return { rows, on: undefined };
  },
  ids: (collection) => databaseOf(collection).ids(collection),
  since: ({ collections, after, until, most }) =>
    merged(
      collections.map((collection) => firstOf(databaseOf(collection).since(collection, after, until, most.rows + 1), most)),
      most,
    ),
  holds: () => holds(Object.values(opened())),
  offer: (after) => offer(Object.values(opened()), after),
  setBack(next) {
    for (const database of Object.values(opened())) database.setBack();
    changed(next);
    keepAside();
  },
  giveUp() {
    keepAside();
    let count = 0;
    const all = Object.values(opened());
    function* left() {
      for (const database of all)
        for (const row of database.leftBack()) {
          count++;
          yield row;
        }
    }
    if (all.some(({ hasLeftBack }) => hasLeftBack)) setAside(folder, GIVEN_UP, left());
    for (const database of all) database.giveUp();
    if (count > 0) changed(position);
    count += replaced;
    replaced = 0;
    return { count, file: recoveryFile(folder) };
  },
  digests({ fresh }) {
    const { users, webstore } = opened();
    return fresh ? { ...users.computeDigests(), ...webstore.computeDigests() } : { ...users.digests(), ...webstore.digests() };
  },
  listed({ records, first }) {
    if (first) listing.clear();
    addTo(listing, decodeRecords(records));
  },
  reconcile({ collection, ...options }) {
    const database = databaseOf(collection);
    database.begin();
    try {
      return reconcile({ ...options, dir: folder, database, collection, listing, reach: reachOf(position) });
    } finally {
      database.commit();
      listing.clear();
      changed(position);
    }
  },
  repair({ collection, records }) {
    const database = databaseOf(collection);
    const unfit: string[] = [];
    for (const version of decodeRecords(records))
      if (version.revision <= reachOf(position) && !database.repair(collection, version)) unfit.push(versionId(version));
    changed(position);
    return unfit;
  },
  damaged: () => Object.values(opened()).flatMap((database) => bodies.look(database)),
  remake() {
    for (const database of Object.values(opened())) database.remake();
    changed(position);
  },
  async close() {
    clearTimeout(timer);
    await writing?.catch(() => {});
    clearTimeout(timer);
    await snapshot();
    clearTimeout(timer);
    for (const database of Object.values(opened())) database.close();
    databases = undefined;
  },
};

function post(...messages: ReplicaMessage[]): void {
  parentPort?.postMessage(messages);
}

async function answer({ id, method, argument }: ReplicaCall): Promise<ReplicaMessage> {
  try {
    return { id, result: await (methods[method] as (argument: unknown) => unknown)(argument) };
  } catch (thrown) {
    // sql.js throws strings for what can't be bound.
    const { code, message, path, limit } = asFrontsyncError(typeof thrown === "string" ? new Error(thrown) : thrown);
    return { id, error: { code, message, path, limit } };
  }
}

parentPort?.on("message", async (calls: ReplicaCall[]) => post(...(await Promise.all(calls.map(answer)))));
