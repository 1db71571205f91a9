/** The replica's thread: sql.js runs here, so that neither a query nor a snapshot holds up the webserver. */
import { join } from "node:path";
import { parentPort } from "node:worker_threads";
import initSqlJs from "sql.js";
import { mayRead } from "../../schemas/access.ts";
import { asFrontsyncError } from "../../schemas/errors.ts";
import { loadSchemas, type Schemas } from "../../schemas/index.ts";
import { clock } from "../platform/clock.ts";
import { decodeRecords } from "../wire/page.ts";
import { META, parseStoreSubject } from "../wire/subjects.ts";
import { NOWHERE, ReplicaDatabase, type ReplicaPosition } from "./database.ts";
import { KnownSubjects } from "./known.ts";
import type { ListedRow, ReplicaCall, ReplicaMessage, ReplicaMethods } from "./methods.ts";
import { docOf } from "./row.ts";
import { listStatement, writeCursor } from "./tables.ts";

/** A snapshot is written when nothing has changed for this long, and at the latest after that long, ms. */
const SETTLED_MS = 1000;
const LATEST_MS = 60_000;
/** … and never more often than keeps the thread free for 19 parts of 20: a snapshot writes the whole database. */
const REST_FACTOR = 20;
/** What a user's `list` looks at in one go: the thread is there for others, too. */
const MAX_LOOK = { rows: 1000, bytes: 8 * 1024 * 1024 };

const sql = await initSqlJs();
let schemas: Schemas;
let databases: { users: ReplicaDatabase; webstore: ReplicaDatabase } | undefined;
let position: ReplicaPosition = { ...NOWHERE };
let dirtySince: number | undefined;
let timer: NodeJS.Timeout | undefined;
let failed: string | undefined;
let lastSnapshotMs = 0;

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
  clearTimeout(timer);
  const rest = lastSnapshotMs * REST_FACTOR;
  const latest = dirtySince + Math.max(LATEST_MS, rest) - clock.monotonic();
  timer = setTimeout(snapshot, Math.max(0, Math.min(Math.max(SETTLED_MS, rest), latest)));
}

function snapshot(): void {
  if (dirtySince === undefined) return;
  const started = clock.monotonic();
  try {
    for (const database of Object.values(opened())) database.snapshot(position);
    dirtySince = undefined;
    lastSnapshotMs = clock.monotonic() - started;
    if (failed !== undefined) post({ event: "snapshot", failed: undefined });
    failed = undefined;
  } catch (error) {
    failed = String((error as Error).message ?? error);
    post({ event: "snapshot", failed });
    timer = setTimeout(snapshot, SETTLED_MS * 5);
  }
}

const methods: ReplicaMethods = {
  open({ dir, schemas: folders, known: buffer }) {
    const known = new KnownSubjects(buffer);
    schemas = loadSchemas(folders);
    const of = (database: "users" | "webstore") =>
      new Map([...schemas.collections].filter(([, schema]) => schema.database === database));
    databases = {
      users: new ReplicaDatabase(sql, join(dir, "users.db"), of("users"), known),
      webstore: new ReplicaDatabase(sql, join(dir, "webstore.db"), of("webstore"), known),
    };
    const { users, webstore } = databases;
    const [lower, higher] = [users.position, webstore.position].sort((a, b) => a.cursor - b.cursor) as [
      ReplicaPosition,
      ReplicaPosition,
    ];
    // The lower of the two: what is applied twice has no effect. Of two lives of the store neither is trusted, but which store it is.
    position = lower.epoch === higher.epoch ? lower : { ...NOWHERE, epoch: higher.epoch ?? lower.epoch };
    return { position, setAside: [users.setAside, webstore.setAside].filter((text) => text !== undefined) };
  },
  apply({ records, position: next }) {
    const { users, webstore } = opened();
    const faults: unknown[] = [];
    for (const database of [users, webstore]) database.begin();
    try {
      for (const change of decodeRecords(records)) {
        const { collection } = parseStoreSubject(change.subject);
        try {
          if (collection !== META) databaseOf(collection).apply(collection, change);
        } catch (fault) {
          // One that can't be applied holds up no other.
          faults.push(fault);
        }
      }
    } finally {
      for (const database of [users, webstore]) database.commit();
    }
    changed(next);
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
      if (!actor || mayRead(schema, actor, docOf(schema, body, headers))) rows.push({ id, revision, headers, body, cursor });
      if (found + rows.length > limit) break;
      looked.rows++;
      looked.bytes += body.length;
      if (actor && (looked.rows >= MAX_LOOK.rows || looked.bytes >= MAX_LOOK.bytes)) return { rows, on: cursor };
    }
    return { rows, on: undefined };
  },
  ids: (collection) => databaseOf(collection).ids(collection),
  since: ({ collection, after, until, limit }) => databaseOf(collection).since(collection, after, until, limit),
  digests({ fresh }) {
    const { users, webstore } = opened();
    return fresh ? { ...users.computeDigests(), ...webstore.computeDigests() } : { ...users.digests(), ...webstore.digests() };
  },
  close() {
    clearTimeout(timer);
    snapshot();
    for (const database of Object.values(opened())) database.close();
    databases = undefined;
  },
};

function post(...messages: ReplicaMessage[]): void {
  parentPort?.postMessage(messages);
}

function answer({ id, method, argument }: ReplicaCall): ReplicaMessage {
  try {
    return { id, result: (methods[method] as (argument: unknown) => unknown)(argument) };
  } catch (thrown) {
    // sql.js throws strings for what can't be bound.
    const { code, message, path, limit } = asFrontsyncError(typeof thrown === "string" ? new Error(thrown) : thrown);
    return { id, error: { code, message, path, limit } };
  }
}

parentPort?.on("message", (calls: ReplicaCall[]) => post(...calls.map(answer)));
