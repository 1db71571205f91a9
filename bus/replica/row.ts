/** A row of the replica: a document's last version, tombstones included. */
import type { Doc } from "../../schemas/document.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import { upcast } from "../../schemas/upcast.ts";
import type { Change } from "../api.ts";
import { headerValue } from "../wire/envelope.ts";
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
  const { revision, deleted, headerText, bodyText } = version;
  return { id: versionId(version), revision, deleted, headers: headerText, body: deleted ? null : bodyText };
}

/** The id of a version's document. */
export function versionId(version: StoredVersion): string {
  const { token } = parseStoreSubject(version.subject);
  return idOf(token, isHashed(token) ? version.envelope?.id : undefined);
}

/** The document of a row; undefined: there is none, or a tombstone. */
export function liveDoc(schema: CollectionSchema, row: Row | undefined): Doc | undefined {
  return !row || row.deleted || row.body === null ? undefined : docOf(schema, row.body, row.headers);
}

/** A row's document as the collection's schema has it now, whichever version it was written with. */
export function docOf(schema: CollectionSchema, body: string, headers: string): Doc {
  const doc = JSON.parse(body) as Doc;
  return schema.version === 1 ? doc : upcast(schema, doc, Number(headerValue(headers, "Fs-Schema") ?? 1));
}

export function asChange(schema: CollectionSchema, { id, revision, deleted, body, headers }: Row): Change<Doc> {
  const doc = body === null ? undefined : docOf(schema, body, headers);
  return {
    op: deleted ? "delete" : "put",
    id,
    revision,
    doc,
    by: Number(headerValue(headers, "Fs-By") ?? 0),
    at: headerValue(headers, "Fs-Time") ?? "",
  };
}
