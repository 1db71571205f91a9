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
  return databases.flatMap((database) => database.collections.map((name) => ({ database, name })));
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
      sample = StoredVersion.of(storeSubject(name, id), Math.abs(revision), Buffer.from(headers, "latin1"), new Uint8Array(0));
    }
  }
  const made = newest !== "" && Date.parse(newest) > 0;
  return { documents, newest: made ? newest : undefined, sample: encodeRecords(made && sample ? [sample] : []) };
}

/** What was set back comes first: it is from an earlier store. */
export function offer(
  databases: readonly ReplicaDatabase[],
  { table, back, revision }: OfferPlace,
): { records: Uint8Array; count: number; next: OfferPlace | undefined } {
  const tables = tablesOf(databases);
  const page: StoredVersion[] = [];
  let bytes = 0;
  for (let place: OfferPlace | undefined = { table, back, revision }; place; place = nextPart(place, tables.length)) {
    const { database, name } = tables[place.table] as Table;
    const part = place.back ? "revision < 0 AND -revision > ?" : "revision > 0 AND revision > ?";
    let after = place.revision;
    for (const row of database.rowsWhere(name, `${part} AND ${DOCUMENTS} ORDER BY revision${place.back ? " DESC" : ""}`, [
      after,
    ])) {
      const { id, headers, body } = row;
      const version = StoredVersion.of(
        storeSubject(name, id),
        row.revision,
        Buffer.from(headers, "latin1"),
        Buffer.from(body ?? ""),
      );
      bytes += version.headersLength + version.bodyLength;
      if (page.length > 0 && (page.length >= PAGE.rows || bytes > PAGE.bytes))
        return { records: encodeRecords(page), count: page.length, next: { ...place, revision: after } };
      page.push(version);
      after = row.revision;
    }
  }
  return { records: encodeRecords(page), count: page.length, next: undefined };
}

function nextPart({ table, back }: OfferPlace, tables: number): OfferPlace | undefined {
  if (back) return { table, back: false, revision: 0 };
  return table + 1 < tables ? { table: table + 1, back: true, revision: 0 } : undefined;
}
