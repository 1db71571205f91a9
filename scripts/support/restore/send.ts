/** Sends records to the datastore, in bounded messages, and counts what became of them. */
import type { Bus } from "../../../bus/api.ts";
import type { RestoredResult, RestoredVersion } from "../../../schemas/types.ts";
import type { BackupRecord } from "../backup/format.ts";
import { ask } from "./asking.ts";
import type { Compared } from "./difference.ts";
import type { Mode } from "./source.ts";

/** Of one message; a document that is larger goes alone. */
const BATCH = { documents: 200, bytes: 1024 * 1024 };
/** Of what is told one by one. */
const MAX_TOLD = 1000;
const OUTCOMES = ["added", "changed", "deleted", "marked", "left", "refused"] as const;

export type Counts = Record<(typeof OUTCOMES)[number], number>;

export interface RestoreSummary extends Counts {
  /** Records that were looked at, and documents that the source has not; each is in one of the counts. */
  read: number;
  collections: Map<string, Counts>;
  /** Users whose names others have: stored under these, and locked. */
  renamed: { uid: string; user: string; storedAs: string }[];
  /** Users who came without a password, and had none. */
  withoutPassword: { uid: string; user: string }[];
  errors: { collection: string; id: string; code: string; message: string }[];
}

export interface SendOptions {
  mode: Mode;
  withoutSecrets: boolean;
  dryRun: boolean;
  /** The restore that this is of; undefined with `dryRun`. */
  restore: string | undefined;
  signal: AbortSignal;
  onProgress(done: number): void;
}

export function noCounts(): Counts {
  return { added: 0, changed: 0, deleted: 0, marked: 0, left: 0, refused: 0 };
}

export function noSummary(): RestoreSummary {
  return { read: 0, ...noCounts(), collections: new Map(), renamed: [], withoutPassword: [], errors: [] };
}

/** Sends them in order. `summary` is true at any moment, also when this throws: the signal's reason, or that the datastore was lost. */
export async function sendRecords(
  bus: Bus,
  records: AsyncIterable<Compared>,
  summary: RestoreSummary,
  { mode, withoutSecrets, dryRun, restore, signal, onProgress }: SendOptions,
): Promise<void> {
  let [batch, bytes]: [BackupRecord[], number] = [[], 0];
  const send = async () => {
    if (batch.length === 0) return;
    signal.throwIfAborted();
    const documents = batch.map(({ revision: _there, ...version }): RestoredVersion => version);
    const request = { documents, mode, dryRun, withoutSecrets, ...(restore !== undefined && { restore }) };
    const { results } = await ask(bus, "backups.restore", request, signal);
    for (const [index, record] of batch.entries()) note(summary, record, results[index]);
    onProgress(summary.read);
    [batch, bytes] = [[], 0];
  };
  for await (const { record, left } of records) {
    signal.throwIfAborted();
    if (left) {
      note(summary, record, { outcome: "left" });
      continue;
    }
    const size = Buffer.byteLength(JSON.stringify(record));
    if (batch.length === BATCH.documents || bytes + size > BATCH.bytes) await send();
    batch.push(record);
    bytes += size;
  }
  await send();
  onProgress(summary.read);
}

function note(summary: RestoreSummary, { collection, id, doc }: BackupRecord, result: RestoredResult | undefined): void {
  const { outcome, storedAs, withoutPassword, refused } = result ?? { outcome: "refused" as const };
  const counts = summary.collections.get(collection) ?? noCounts();
  summary.collections.set(collection, counts);
  summary.read++;
  summary[outcome]++;
  counts[outcome]++;
  const user = String(doc?.user);
  if (storedAs !== undefined && summary.renamed.length < MAX_TOLD) summary.renamed.push({ uid: id, user, storedAs });
  if (withoutPassword && summary.withoutPassword.length < MAX_TOLD) summary.withoutPassword.push({ uid: id, user });
  if (outcome !== "refused" || summary.errors.length >= MAX_TOLD) return;
  const { code = "INTERNAL", message = "The datastore did not answer about it." } = refused ?? {};
  summary.errors.push({ collection, id, code, message });
}
