import { performance } from "node:perf_hooks";
import initSqlJs from "sql.js";
import { dashboard, freshId } from "../payload.ts";

/** How long bare inserts into sql.js take, in ms: all documents in one transaction, by one prepared statement. Neither the making of
 *  the documents nor the start of sql.js counts. */
export async function insertAll(documents: number, bytes: number): Promise<number> {
  const { Database } = await initSqlJs();
  const rows = Array.from({ length: documents }, () => {
    const doc = dashboard(freshId(), bytes);
    return [doc.id, JSON.stringify(doc)] as const;
  });
  const database = new Database();
  database.run("CREATE TABLE documents (id TEXT PRIMARY KEY, revision INTEGER NOT NULL, body TEXT NOT NULL)");
  const start = performance.now();
  database.run("BEGIN");
  const insert = database.prepare("INSERT INTO documents (id, revision, body) VALUES (?, ?, ?)");
  for (const [index, [id, body]] of rows.entries()) insert.run([id, index + 1, body]);
  insert.free();
  database.run("COMMIT");
  const ms = performance.now() - start;
  database.close();
  return ms;
}
