/** SQLite databases in plain memory. What sql.js opens is a file of its own little file system, which is copied each time it grows: two
 *  thirds of a row's cost, and stalls of many milliseconds. */
import type { Database, SqlJsStatic } from "sql.js";
import { quote } from "./tables.ts";

const SNAPSHOT = "snapshot";
/** Bytes: rows of one or two KB are common. */
const PAGE_BYTES = 8192;

/** sql.js gives each database the name of its file, and has SQLite open what it is called. */
const fileOf = (database: Database) => (database as unknown as { filename: string }).filename;

export function openMemory(sql: SqlJsStatic): Database {
  // In this name SQLite sees no file.
  class MemoryDatabase extends sql.Database {
    get filename() {
      return ":memory:";
    }
    set filename(_file: string) {}

    override close(): void {
      try {
        super.close();
      } catch (error) {
        // It is closed before its file is looked for, which there is not.
        if ((error as Error).name !== "ErrnoError") throw error;
      }
    }
  }
  const database = new MemoryDatabase();
  database.run(`PRAGMA page_size = ${PAGE_BYTES}`);
  return database;
}

/** Copies a snapshot's tables into an in-memory database, each made by `create` first. Throws what SQLite says of a damaged snapshot. */
export function loadSnapshot(sql: SqlJsStatic, database: Database, bytes: Uint8Array, create: (table: string) => void): void {
  const file = new sql.Database(bytes);
  try {
    const [check] = file.exec("PRAGMA quick_check(1)");
    if (check?.values[0]?.[0] !== "ok") throw new Error(String(check?.values[0]?.[0]));
    const [tables] = file.exec("SELECT name FROM sqlite_master WHERE type = 'table'");
    database.run(`ATTACH '${fileOf(file)}' AS ${SNAPSHOT}`);
    try {
      for (const [name] of tables?.values ?? []) {
        const table = quote(String(name));
        create(String(name));
        database.run(`INSERT INTO main.${table} SELECT * FROM ${SNAPSHOT}.${table} ORDER BY 1`);
      }
    } finally {
      database.run(`DETACH ${SNAPSHOT}`);
    }
  } finally {
    file.close();
  }
}
