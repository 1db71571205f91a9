/** The snapshots of a replica, read as they lie on the disk: for a backup, and to seed a datastore from them. Nothing is written, and a bus may
 *  be at work in the folder: a snapshot is replaced as a whole. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import initSqlJs, { type Database } from "sql.js";
import { sha256 } from "../../schemas/digest.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Envelope } from "../../schemas/types.ts";
import { readEnvelope } from "../wire/envelope.ts";
import { NOWHERE, type ReplicaPosition } from "./position.ts";
import { META_TABLE, quote } from "./tables.ts";

const FILES = ["users.db", "webstore.db"];
const FORMAT = "1";

/** A document's last version; `body` undefined: a tombstone. */
export interface SnapshotVersion {
  collection: string;
  id: string;
  revision: number;
  envelope: Envelope;
  body: string | undefined;
}

export interface Snapshots {
  /** Everything up to here is in them: of the two files the lower one. */
  readonly revision: number;
  /** … and in both of them nothing later: they are what the datastore was at this revision. */
  readonly settled: boolean;
  readonly count: number;
  /** The life of the store that they are of; undefined: of none yet. */
  readonly epoch: string | undefined;
  /** In the order of their revisions, one collection after the other. Throws BACKUP_DAMAGED for a body that is not what was stored. */
  versions(): Generator<SnapshotVersion, void>;
  /** undefined: there has never been one. Throws BACKUP_DAMAGED likewise. */
  find(collection: string, id: string): SnapshotVersion | undefined;
  close(): void;
}

/** Opens the snapshots in a webserver's folder. Throws BACKUP_DAMAGED, or NOT_FOUND, which name the file. */
export async function openSnapshots(dir: string): Promise<Snapshots> {
  const sql = await initSqlJs();
  const opened: { file: string; database: Database; tables: string[] }[] = [];
  const close = () => {
    for (const { database } of opened.splice(0)) database.close();
  };
  const positions: ReplicaPosition[] = [];
  let count = 0;
  for (const name of FILES) {
    const file = join(dir, name);
    try {
      const database = new sql.Database(readFileSync(file));
      opened.push({ file, database, tables: [] });
      const [check] = database.exec("PRAGMA quick_check(1)");
      if (check?.values[0]?.[0] !== "ok") throw new Error(String(check?.values[0]?.[0]));
      const meta = new Map(database.exec(`SELECT key, value FROM ${META_TABLE}`)[0]?.values as [string, string][] | undefined);
      if (meta.get("format") !== FORMAT) throw new Error("it is of another version of frontsync");
      const position = meta.get("position");
      positions.push(position === undefined ? NOWHERE : (JSON.parse(position) as ReplicaPosition));
      const [tables] = database.exec("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
      const collections = (tables?.values ?? []).map(([table]) => String(table)).filter((table) => table !== META_TABLE);
      opened.at(-1)?.tables.push(...collections);
      for (const table of collections) count += Number(database.exec(`SELECT count(*) FROM ${quote(table)}`)[0]?.values[0]?.[0]);
    } catch (cause) {
      close();
      const { code, message } = cause as NodeJS.ErrnoException;
      const why = String(message ?? cause);
      throw new FrontsyncError(
        code === "ENOENT" || code === "ENOTDIR" ? "NOT_FOUND" : "BACKUP_DAMAGED",
        `${file} can't be used as the snapshot of a webserver: ${why}. Give the folder of another webserver.`,
        { cause },
      );
    }
  }
  const revision = Math.min(...positions.map(({ consistent }) => consistent));
  return {
    revision,
    settled: positions.every(({ cursor, consistent }) => cursor === revision && consistent === revision),
    count,
    epoch: positions[0]?.epoch,
    *versions() {
      for (const { file, database, tables } of opened) for (const table of tables) yield* versionsIn(file, database, table);
    },
    find(collection, id) {
      const of = opened.find(({ tables }) => tables.includes(collection));
      if (!of) return undefined;
      // To its end: then its statement is free.
      const [found] = [...versionsIn(of.file, of.database, collection, id)];
      return found;
    },
    close,
  };
}

/** `only`: the one with this id. */
function* versionsIn(file: string, database: Database, collection: string, only?: string): Generator<SnapshotVersion, void> {
  const which = only === undefined ? "ORDER BY revision" : "WHERE id = ?";
  const rows = database.prepare(`SELECT revision, id, deleted, headers, body FROM ${quote(collection)} ${which}`);
  try {
    if (only !== undefined) rows.bind([only]);
    while (rows.step()) {
      const [revision, id, deleted, headers, text] = rows.get() as [number, string, number, string, string | null];
      const envelope = readEnvelope(headers);
      // What no function has stored is no document.
      if (!envelope) continue;
      const body = deleted === 1 ? undefined : (text ?? "");
      if (sha256(body ?? "").toString("base64url") !== envelope.sha256) {
        throw new FrontsyncError(
          "BACKUP_DAMAGED",
          `'${id}' of ${collection} in ${file} is not what was stored. Give the folder of another webserver.`,
        );
      }
      yield { collection, id, revision, envelope, body };
    }
  } finally {
    rows.free();
  }
}
