/** What has to be written so that a datastore becomes what a source is: compared here, with the same function that decides it there. */

import { clock } from "../../../bus/platform/clock.ts";
import type { Snapshots, SnapshotVersion } from "../../../bus/replica/snapshot.ts";
import { bringBack } from "../../../functions/commit/bring-back.ts";
import type { Rules } from "../../../functions/rules/define.ts";
import { NO_VIEW } from "../../../functions/store/views.ts";
import type { Doc } from "../../../schemas/document.ts";
import type { Schemas } from "../../../schemas/index.ts";
import type { BackupRecord } from "../backup/format.ts";
import type { Source } from "./source.ts";

export interface Compared {
  record: BackupRecord;
  /** The datastore has it so already. */
  left: boolean;
}

export interface Comparing {
  schemas: Schemas;
  rules: ReadonlyMap<string, Rules>;
  /** Who deletes what the source has not. */
  deleter: string;
}

/** Every record of the source, then a tombstone for each document that it has not. Only of a source that is whole. */
export async function* compared(source: Source, store: Snapshots, comparing: Comparing): AsyncGenerator<Compared, void> {
  const known = new Set<string>();
  for await (const record of source.records()) {
    known.add(`${record.collection}/${record.id}`);
    yield { record, left: isLeft(record, store, source.withoutSecrets, comparing) };
  }
  const at = new Date(clock.now()).toISOString();
  for (const version of store.versions()) {
    if (version.body === undefined || known.has(`${version.collection}/${version.id}`)) continue;
    yield { record: tombstone(version, at, comparing.deleter), left: false };
  }
}

/** What can't be judged here is judged there. */
function isLeft(record: BackupRecord, store: Snapshots, withoutSecrets: boolean, { schemas, rules }: Comparing): boolean {
  const schema = schemas.collections.get(record.collection);
  const held = store.find(record.collection, record.id);
  if (!schema || !held) return false;
  const rule = rules.get(record.collection)?.bringBack;
  const now = clock.now();
  const { id, by } = record;
  const check = (before: Doc | undefined, next: Doc | undefined) =>
    rule ? rule({ id, before, next, by, now, exact: true }, NO_VIEW) : next;
  const { revision, envelope, body } = held;
  const current = { revision, envelope, deleted: body === undefined, body: Buffer.from(body ?? "") };
  try {
    return bringBack(schema, record, current, { withoutSecrets, exact: { version: "", now }, rule: check }).outcome === "left";
  } catch {
    return false;
  }
}

function tombstone({ collection, id, revision, envelope }: SnapshotVersion, at: string, webserver: string): BackupRecord {
  const { created } = envelope;
  return { collection, id, revision, version: `restore:${webserver}`, at, created, by: 0, webserver, seen: "" };
}
