/** What a replica holds, as it is offered to a store that does not have it: every row as the record that it came as. */
import { headerValue } from "../wire/envelope.ts";
import { encodeRecords } from "../wire/page.ts";
import { storeSubject } from "../wire/subjects.ts";
import { StoredVersion } from "../wire/version.ts";
import type { ReplicaDatabase } from "./database.ts";
import type { Holds, OfferPlace } from "./methods.ts";
import { quote } from "./tables.ts";

/** Of one page; a row that is larger goes alone. */
const PAGE = { rows: 200, bytes: 1024 * 1024 };
/** What no function has stored is no document. */
const DOCUMENTS = "headers LIKE '%Fs-Version:%'";

interface Table {
  database: ReplicaDatabase;
  name: string;
}

function tablesOf(databases: readonly ReplicaDatabase[]): Table[] {
  return databases.flatMap((database) => database.tables.map((name) => ({ database, name })));
}

export function holds(databases: readonly ReplicaDatabase[]): Holds {
  let documents = 0;
  let newest = "";
  let sample: StoredVersion | undefined;
  for (const { database, name } of tablesOf(databases)) {
    for (const row of database.query(`SELECT revision, id, headers FROM ${quote(name)} WHERE ${DOCUMENTS}`, [])) {
      const [revision, id, headers] = row as [number, string, string];
      documents++;
      const at = headerValue(headers, "Fs-Time") ?? "";
      if (at <= newest) continue;
      newest = at;
      // Only what is signed matters; the body comes with the offer.
      sample = new StoredVersion(storeSubject(name, id), Math.abs(revision), Buffer.from(headers, "latin1"), new Uint8Array(0));
    }
  }
  const made = newest !== "" && Date.parse(newest) > 0;
  return { documents, newest: made ? newest : undefined, sample: encodeRecords(made && sample ? [sample] : []) };
}

export function offer(
  databases: readonly ReplicaDatabase[],
  { table, revision }: OfferPlace,
): { records: Uint8Array; count: number; next: OfferPlace | undefined } {
  const tables = tablesOf(databases);
  const page: StoredVersion[] = [];
  let bytes = 0;
  let after = revision;
  for (let at = table; at < tables.length; at++, after = Number.MIN_SAFE_INTEGER) {
    const { database, name } = tables[at] as Table;
    const sql = `SELECT revision, id, headers, body FROM ${quote(name)} WHERE revision > ? AND ${DOCUMENTS} ORDER BY revision`;
    for (const row of database.query(sql, [after])) {
      const [number, id, headers, body] = row as [number, string, string, string | null];
      const version = new StoredVersion(
        storeSubject(name, id),
        Math.abs(number),
        Buffer.from(headers, "latin1"),
        Buffer.from(body ?? ""),
      );
      bytes += version.headers.length + version.body.length;
      if (page.length > 0 && (page.length >= PAGE.rows || bytes > PAGE.bytes))
        return { records: encodeRecords(page), count: page.length, next: { table: at, revision: after } };
      page.push(version);
      after = number;
    }
  }
  return { records: encodeRecords(page), count: page.length, next: undefined };
}
