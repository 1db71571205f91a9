/** A row of the replica: a document's last version, tombstones included. */
import type { Doc } from "../../schemas/document.ts";
import type { Change } from "../api.ts";
import { readEnvelope } from "../wire/envelope.ts";
import { idOf, isHashed, parseStoreSubject } from "../wire/subjects.ts";
import type { StoredVersion } from "../wire/version.ts";

export interface Row {
  id: string;
  revision: number;
  deleted: boolean;
  /** The version's NATS header block, as it came: the envelope. */
  headers: string;
  /** The document's JSON; null for a tombstone. */
  body: string | null;
}

export function rowOf(version: StoredVersion): Row {
  const { revision, deleted, headerText, body } = version;
  const text = deleted ? null : Buffer.from(body.buffer, body.byteOffset, body.length).toString();
  return { id: versionId(version), revision, deleted, headers: headerText, body: text };
}

/** The id of a version's document. */
export function versionId(version: StoredVersion): string {
  const { token } = parseStoreSubject(version.subject);
  return idOf(token, isHashed(token) ? version.envelope?.id : undefined);
}

/** The document of a row; undefined: there is none, or a tombstone. */
export function liveDoc(row: Row | undefined): Doc | undefined {
  return !row || row.deleted || row.body === null ? undefined : (JSON.parse(row.body) as Doc);
}

export function asChange({ id, revision, deleted, body, headers }: Row): Change<Doc> {
  const envelope = readEnvelope(headers);
  const doc = body === null ? undefined : (JSON.parse(body) as Doc);
  return { op: deleted ? "delete" : "put", id, revision, doc, by: envelope?.by ?? 0, at: envelope?.at ?? "" };
}
