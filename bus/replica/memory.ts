/** SQLite databases in plain memory. What sql.js opens is a file of its own little file system, which is copied each time it grows: two
 *  thirds of a row's cost, and stalls of many milliseconds. So the tables are in an attached in-memory database, and the file system
 *  sees whole snapshots only. */
import type { Database, SqlJsStatic } from "sql.js";

/** The attached database's name. The main one is empty, so tables need no prefix except where they are made. */
export const MEMORY = "replica";
const SNAPSHOT = "snapshot";
/** Bytes: rows of one or two KB are common. */
const PAGE_BYTES = 8192;

/** sql.js keeps each database in a file of this name. */
const fileOf = (database: Database) => (database as unknown as { filename: string }).filename;

export function openMemory(sql: SqlJsStatic): Database {
  const database = new sql.Database();
  database.run(`ATTACH ':memory:' AS ${MEMORY}; PRAGMA ${MEMORY}.page_size = ${PAGE_BYTES}`);
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
        const table = `"${String(name).replaceAll('"', '""')}"`;
        create(String(name));
        database.run(`INSERT INTO ${MEMORY}.${table} SELECT * FROM ${SNAPSHOT}.${table} ORDER BY 1`);
      }
    } finally {
      database.run(`DETACH ${SNAPSHOT}`);
    }
  } finally {
    file.close();
  }
}

/** The whole database as the bytes of an SQLite file. */
export function takeSnapshot(sql: SqlJsStatic, database: Database): Uint8Array {
  const file = new sql.Database();
  try {
    database.run(`VACUUM ${MEMORY} INTO '${fileOf(file)}'`);
    return file.export();
  } finally {
    file.close();
  }
}
