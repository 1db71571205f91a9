/** One database of the replica: in memory, with a snapshot on disk that holds rows and position together, so a crash takes neither
 *  without the other. */
import { copyFileSync, existsSync, readFileSync, renameSync } from "node:fs";
import type { Database, SqlJsStatic, Statement } from "sql.js";
import { Digest, sha256, versionHash } from "../../schemas/digest.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import { hasSeen } from "../../schemas/mutation.ts";
import { clock } from "../platform/clock.ts";
import { writeAtomically } from "../platform/files.ts";
import { headerValue, readEnvelope } from "../wire/envelope.ts";
import { storeSubject } from "../wire/subjects.ts";
import type { StoredVersion } from "../wire/version.ts";
import type { KnownSubjects } from "./known.ts";
import { loadSnapshot, openMemory } from "./memory.ts";
import type { WaitingRow } from "./methods.ts";
import { NOWHERE, type ReplicaPosition } from "./position.ts";
import { type Row, versionId } from "./row.ts";
import type { PlacedRow } from "./since.ts";
import { createIndex, createMeta, createTable, META_TABLE, overlay, quote, tablesOf, type Value } from "./tables.ts";

const FORMAT = "1";
/** Of a collection, on several fields: each makes changes slower. */
const MAX_INDEXES = 8;

interface Table {
  insert: Statement;
  replace: Statement;
  find: Statement;
  remove: Statement;
  get: Statement;
  since: Statement;
  digest: Digest;
}

export class ReplicaDatabase {
  readonly #sql: SqlJsStatic;
  readonly #file: string;
  readonly #tables = new Map<string, Table>();
  readonly #known: KnownSubjects;
  readonly #setAside: (row: Row & { collection: string }) => void;
  readonly #indexes = new Map<string, Set<string>>();
  #database: Database;
  /** Up to which revision tombstones are collected, by collection: those count as never having been. */
  readonly #floors = new Map<string, number>();
  /** What the snapshot on disk has, and what went wrong with it. With the cursor 0 it is of this epoch's store, but not whole. */
  readonly position: ReplicaPosition;
  readonly setAside: string | undefined;

  /** `setAside`: keeps a row that is about to go. */
  constructor(
    sql: SqlJsStatic,
    file: string,
    schemas: ReadonlyMap<string, CollectionSchema>,
    known: KnownSubjects,
    setAside: (row: Row & { collection: string }) => void,
  ) {
    this.#known = known;
    this.#setAside = setAside;
    this.#sql = sql;
    this.#file = file;
    const opened = this.#open();
    this.#database = opened.database;
    for (const name of new Set([...schemas.keys(), ...tablesOf(this.#database)])) this.#table(name);
    const dropped = this.#check();
    const stored = this.#storedPosition();
    this.position = dropped === 0 ? stored : { ...NOWHERE, epoch: stored.epoch, generation: stored.generation };
    this.setAside = dropped === 0 ? opened.setAside : this.#keepDamaged(dropped);
  }

  #keepDamaged(rows: number): string {
    const kept = `${this.#file}.damaged-${clock.now()}`;
    copyFileSync(this.#file, kept);
    return `${rows} rows of ${this.#file} are not what was stored; they are read anew, and the file was kept as ${kept}.`;
  }

  /** The snapshot, or, when it can't be used, an empty database; the file is then set aside. */
  #open(): { database: Database; setAside: string | undefined } {
    if (!existsSync(this.#file)) return { database: this.#empty(), setAside: undefined };
    try {
      const database = openMemory(this.#sql);
      loadSnapshot(this.#sql, database, readFileSync(this.#file), (table) => {
        if (table === META_TABLE) createMeta(database);
        else createTable(database, table);
      });
      const [format] = database.exec(`SELECT value FROM ${META_TABLE} WHERE key = 'format'`);
      if (format?.values[0]?.[0] !== FORMAT) throw new Error("it is of another version");
      return { database, setAside: undefined };
    } catch (error) {
      const setAside = `${this.#file}.damaged-${clock.now()}`;
      renameSync(this.#file, setAside);
      return {
        database: this.#empty(),
        setAside: `${this.#file} can't be used (${String((error as Error).message ?? error)}); it was kept as ${setAside}.`,
      };
    }
  }

  #empty(): Database {
    const database = openMemory(this.#sql);
    createMeta(database);
    database.run(`INSERT INTO ${META_TABLE} VALUES ('format', '${FORMAT}')`);
    return database;
  }

  #storedPosition(): ReplicaPosition {
    const [result] = this.#database.exec(`SELECT value FROM ${META_TABLE} WHERE key = 'position'`);
    const value = result?.values[0]?.[0];
    return value === undefined ? { ...NOWHERE } : (JSON.parse(String(value)) as ReplicaPosition);
  }

  /** Reads every row: makes the digests, and drops rows whose body is not what was stored. Returns how many: then all must be read anew. */
  #check(): number {
    let dropped = 0;
    for (const [collection, table] of this.#tables) {
      const damaged: number[] = [];
      const rows = this.#database.prepare(`SELECT revision, id, deleted, headers, body FROM ${quote(collection)}`);
      while (rows.step()) {
        const [revision, id, , headers, body] = rows.get() as [number, string, number, string, string | null];
        const subject = storeSubject(collection, id);
        this.#known.add(subject);
        if (!bodyIsWhole(headers, body)) damaged.push(revision);
        else if (revision > 0) table.digest.toggle(versionHash(subject, revision));
      }
      rows.free();
      for (const revision of damaged) table.remove.run([revision]);
      dropped += damaged.length;
    }
    return dropped;
  }

  #table(collection: string): Table {
    const known = this.#tables.get(collection);
    if (known) return known;
    createTable(this.#database, collection);
    const name = quote(collection);
    const table: Table = {
      // Headers and body come as bytes: they are copied, not decoded.
      insert: this.#database.prepare(`INSERT OR IGNORE INTO ${name} VALUES (?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT))`),
      // In one statement: when the new version can't be kept, the old one stays.
      replace: this.#database.prepare(`INSERT OR REPLACE INTO ${name} VALUES (?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT))`),
      find: this.#database.prepare(`SELECT revision FROM ${name} WHERE id = ?`),
      remove: this.#database.prepare(`DELETE FROM ${name} WHERE revision = ?`),
      get: this.#database.prepare(`SELECT revision, deleted, body, headers, id FROM ${name} WHERE id = ?`),
      since: this.#database.prepare(
        `SELECT revision, deleted, body, headers, id FROM ${name} WHERE revision > ? AND revision <= ? ORDER BY revision LIMIT ?`,
      ),
      digest: new Digest(),
    };
    this.#tables.set(collection, table);
    return table;
  }

  begin(): void {
    this.#database.run("BEGIN");
  }

  commit(): void {
    this.#database.run("COMMIT");
  }

  /** Tombstones up to a revision are collected: the store keeps them no longer, and neither does the replica. */
  collect(collection: string, floor: number): void {
    if (floor <= (this.#floors.get(collection) ?? 0)) return;
    this.#floors.set(collection, floor);
    const collected = `SELECT revision, id FROM ${quote(collection)} WHERE deleted = 1 AND revision > 0 AND revision <= ?`;
    this.#table(collection);
    for (const [revision, id] of [...this.query(collected, [floor])]) this.remove(collection, String(id), Number(revision));
  }

  /** Takes a row out. */
  remove(collection: string, id: string, revision: number): void {
    const table = this.#table(collection);
    table.remove.run([revision]);
    // One that was set back is in no digest.
    if (this.#database.getRowsModified() > 0 && revision > 0)
      table.digest.toggle(versionHash(storeSubject(collection, id), revision));
  }

  /** Makes the digest of a collection anew from its rows. True: it was another one. */
  recount(collection: string): boolean {
    const table = this.#table(collection);
    const kept = String(table.digest);
    table.digest = this.#digestOf(collection);
    return String(table.digest) !== kept;
  }

  /** In order of their names. */
  get collections(): string[] {
    return [...this.#tables.keys()].sort();
  }

  /** Applies one version; an older one than is held, or the same again, changes nothing. */
  apply(collection: string, version: StoredVersion): void {
    const { subject, revision, headers, body, deleted } = version;
    const table = this.#table(collection);
    const id = versionId(version);
    this.#known.add(subject);
    if (deleted && revision <= (this.#floors.get(collection) ?? 0)) {
      const held = this.#heldRevision(table, id);
      if (held < 0) this.#takesThePlace(collection, id, version);
      if (held < revision) this.remove(collection, id, held);
      return;
    }
    const row = [revision, id, deleted ? 1 : 0, headers, deleted ? null : body];
    table.insert.run(row);
    if (this.#database.getRowsModified() === 0) {
      const held = this.#heldRevision(table, id);
      if (held >= revision) return;
      if (held > 0) table.digest.toggle(versionHash(subject, held));
      else this.#takesThePlace(collection, id, version);
      table.replace.run(row);
    }
    table.digest.toggle(versionHash(subject, revision));
  }

  /** Applies one version, also in the place of a damaged row of its own revision. False: its own body is not what was stored, and nothing was
   *  done. */
  repair(collection: string, version: StoredVersion): boolean {
    const { revision, headers, headerText, body, bodyText, deleted } = version;
    if (!bodyIsWhole(headerText, deleted ? null : bodyText)) return false;
    const table = this.#table(collection);
    const id = versionId(version);
    if (this.#heldRevision(table, id) === revision)
      table.replace.run([revision, id, deleted ? 1 : 0, headers, deleted ? null : body]);
    else this.apply(collection, version);
    return true;
  }

  /** Makes every table anew from its rows, after a copy of what there is was kept, and counts the digests. Throws what the file system says. */
  remake(): void {
    writeAtomically(`${this.#file}.damaged-${clock.now()}`, this.#database.export());
    this.#database.run("REINDEX");
    this.#database.run("VACUUM");
    for (const collection of this.#tables.keys()) this.recount(collection);
  }

  /** A row that was set back goes. What the new version does not have in it is set aside. */
  #takesThePlace(collection: string, id: string, { envelope }: StoredVersion): void {
    const [row] = this.rowsWhere(collection, "id = ?", [id]);
    const before = row && readEnvelope(row.headers);
    if (!before || !envelope || before.version === envelope.version || hasSeen(envelope.seen, before.version)) return;
    this.#setAside(row);
  }

  /** Sets all rows back: they are of a store that is followed no longer, so any version of the present one is newer. They keep their revisions, as
   *  negative numbers, are shown with the revision 0, and are in no digest. */
  setBack(): void {
    this.#floors.clear();
    for (const [collection, table] of this.#tables) {
      const name = quote(collection);
      // Two lives may have given one number; the row of the earlier one was offered, and comes again.
      const twice = `revision < 0 AND -revision IN (SELECT revision FROM ${name})`;
      for (const row of this.rowsWhere(collection, twice)) this.#setAside(row);
      this.#database.run(`DELETE FROM ${name} WHERE ${twice}`);
      this.#database.run(`UPDATE ${name} SET revision = -revision WHERE revision > 0`);
      table.digest = new Digest();
    }
  }

  /** The rows that were set back and have not come again. */
  *leftBack(): Generator<Row & { collection: string }> {
    for (const collection of this.#tables.keys()) yield* this.rowsWhere(collection, "revision < 0 ORDER BY revision DESC");
  }

  /** Whether there are such rows. */
  get hasLeftBack(): boolean {
    // Taken apart, so that its statement is closed: an open one keeps the tables from being made anew.
    const [first] = this.leftBack();
    return first !== undefined;
  }

  /** Takes them away. */
  giveUp(): void {
    for (const collection of this.#tables.keys()) this.#database.run(`DELETE FROM ${quote(collection)} WHERE revision < 0`);
  }

  /** The rows of a table under a condition of SQL, with the revisions that they came with. */
  *rowsWhere(collection: string, condition: string, values: Value[] = []): Generator<Row & { collection: string }> {
    const sql = `SELECT revision, deleted, body, headers, id FROM ${quote(collection)} WHERE ${condition}`;
    for (const row of this.query(sql, values)) {
      const [revision, deleted, body, headers, id] = row as [number, number, string | null, string, string];
      yield { collection, revision: Math.abs(revision), deleted: deleted === 1, body, headers, id };
    }
  }

  #heldRevision({ find }: Table, id: string): number {
    find.bind([id]);
    const revision = find.step() ? Number(find.get()[0]) : Number.POSITIVE_INFINITY;
    find.reset();
    return revision;
  }

  get(collection: string, id: string): Row | undefined {
    const [row] = this.#rows(this.#table(collection).get, [id]);
    return row;
  }

  /** Documents in the place of their rows, for one query. Returns its source. */
  layOver({ collection, version }: CollectionSchema, waiting: readonly WaitingRow[]): string {
    const { name, create, insert } = overlay(collection);
    this.#table(collection);
    for (const statement of create) this.#database.run(statement);
    const headers = `NATS/1.0\r\nFs-Schema: ${version}\r\n`;
    for (const { id, revision, body } of waiting) this.#database.run(insert, [revision, id, headers, body]);
    return name;
  }

  ids(collection: string): string[] {
    return [...this.query(`SELECT id FROM ${quote(collection)} WHERE deleted = 0`, [])].map(([id]) => String(id));
  }

  /** Versions with a revision above `after` and up to `until`, in order. */
  *since(collection: string, after: number, until: number, limit: number): Generator<PlacedRow> {
    for (const row of this.#rows(this.#table(collection).since, [after, until, limit])) yield { ...row, collection };
  }

  *#rows(statement: Statement, values: (string | number)[]): Generator<Row> {
    statement.bind(values);
    try {
      while (statement.step()) {
        const [revision, deleted, body, headers, id] = statement.get() as [number, number, string | null, string, string];
        yield { revision: Math.max(revision, 0), deleted: deleted === 1, body, headers, id };
      }
    } finally {
      statement.reset();
    }
  }

  /** Makes the index of some fields together, if it is not there yet; with very many kinds of queries those of each field. */
  index(schema: CollectionSchema, fields: readonly string[]): void {
    if (fields.length === 0) return;
    const indexes = this.#indexes.get(schema.collection) ?? new Set();
    this.#indexes.set(schema.collection, indexes);
    const together = indexes.has(fields.join(".")) || indexes.size < MAX_INDEXES;
    for (const each of together ? [fields] : fields.map((field) => [field])) {
      if (indexes.has(each.join("."))) continue;
      createIndex(this.#database, schema, each);
      indexes.add(each.join("."));
    }
  }

  /** The rows, one by one: who has enough of them stops. */
  *query(sql: string, values: Value[]): Generator<unknown[], void> {
    const statement = this.#database.prepare(sql, values);
    try {
      while (statement.step()) yield statement.get();
    } finally {
      statement.free();
    }
  }

  /** As they are kept while changes are applied. */
  digests(): Record<string, string> {
    return Object.fromEntries([...this.#tables].map(([collection, { digest }]) => [collection, String(digest)]));
  }

  /** From the rows, as they are now. */
  computeDigests(): Record<string, string> {
    const digests: Record<string, string> = {};
    for (const collection of this.#tables.keys()) {
      digests[collection] = String(this.#digestOf(collection));
    }
    return digests;
  }

  #digestOf(collection: string): Digest {
    const digest = new Digest();
    const rows = this.query(`SELECT id, revision FROM ${quote(collection)} WHERE revision > 0`, []) as Iterable<[string, number]>;
    for (const [id, revision] of rows) digest.toggle(versionHash(storeSubject(collection, id), revision));
    return digest;
  }

  /** Rows and position as the bytes of an SQLite file: a copy in memory, of one moment. */
  snapshot(position: ReplicaPosition): { file: string; bytes: Uint8Array } {
    this.#database.run(`INSERT OR REPLACE INTO ${META_TABLE} VALUES ('position', ?)`, [JSON.stringify(position)]);
    return { file: this.#file, bytes: this.#database.export() };
  }

  close(): void {
    this.#database.close();
  }
}

/** What no function has stored has no hash, and is kept without its body. */
export function bodyIsWhole(headers: string, body: string | null): boolean {
  const wanted = headerValue(headers, "Fs-Sha256");
  return wanted === undefined ? body === null : sha256(body ?? "").toString("base64url") === wanted;
}
