/** Sends the records of a source to the datastore, in bounded messages, and counts what became of them. */
import type { Bus } from "../../../bus/api.ts";
import { pause } from "../../../bus/platform/deadline.ts";
import { type ErrorCode, FrontsyncError } from "../../../schemas/errors.ts";
import type { BackupsRestoreReply, RestoredResult, RestoredVersion } from "../../../schemas/types.ts";
import type { BackupRecord } from "../backup/format.ts";
import type { Source } from "./source.ts";

/** Of one message; a document that is larger goes alone. */
const BATCH = { documents: 200, bytes: 1024 * 1024 };
const CALL_MS = 60_000;
const TRIES = 5;
const RETRY_AFTER_MS = 1000;
/** Of what is told one by one. */
const MAX_TOLD = 1000;
const LOSSES: ReadonlySet<ErrorCode> = new Set(["TIMEOUT", "OUTCOME_UNKNOWN", "DATASTORE_UNREACHABLE"]);
const OUTCOMES = ["added", "changed", "deleted", "marked", "left", "refused"] as const;

export type Counts = Record<(typeof OUTCOMES)[number], number>;

export interface RestoreSummary extends Counts {
  /** Records that were looked at; each is in one of the counts. */
  read: number;
  collections: Map<string, Counts>;
  /** Users whose names others have: stored under these, and locked. */
  renamed: { uid: string; user: string; storedAs: string }[];
  errors: { collection: string; id: string; code: string; message: string }[];
}

export interface SendOptions {
  dryRun: boolean;
  signal: AbortSignal;
  onProgress(done: number): void;
}

export function noCounts(): Counts {
  return { added: 0, changed: 0, deleted: 0, marked: 0, left: 0, refused: 0 };
}

/** Sends them in order. `summary` is true at any moment, also when this throws: the signal's reason, or that the datastore was lost. */
export async function sendRecords(bus: Bus, source: Source, summary: RestoreSummary, options: SendOptions): Promise<void> {
  let [batch, bytes]: [BackupRecord[], number] = [[], 0];
  const send = async () => {
    if (batch.length === 0) return;
    options.signal.throwIfAborted();
    const { results } = await ask(bus, source, batch, options);
    for (const [index, record] of batch.entries()) note(summary, record, results[index]);
    options.onProgress(summary.read);
    [batch, bytes] = [[], 0];
  };
  for await (const record of source.records()) {
    const size = Buffer.byteLength(JSON.stringify(record));
    if (batch.length === BATCH.documents || bytes + size > BATCH.bytes) await send();
    batch.push(record);
    bytes += size;
  }
  await send();
}

/** Repeated when no answer comes: a second time changes nothing more. What is on its way when the signal comes is still counted. */
async function ask(
  bus: Bus,
  source: Source,
  batch: BackupRecord[],
  { dryRun, signal }: SendOptions,
): Promise<BackupsRestoreReply> {
  const documents = batch.map(({ revision: _there, ...version }): RestoredVersion => version);
  const request = { documents, dryRun, withoutSecrets: source.withoutSecrets };
  for (let attempt = 1; ; attempt++) {
    try {
      return await bus.call("backups.restore", request, { timeoutMs: CALL_MS });
    } catch (error) {
      signal.throwIfAborted();
      if (attempt === TRIES || !(error instanceof FrontsyncError) || !LOSSES.has(error.code)) throw error;
      await pause(RETRY_AFTER_MS * attempt, signal);
    }
  }
}

function note(summary: RestoreSummary, { collection, id, doc }: BackupRecord, result: RestoredResult | undefined): void {
  const { outcome, storedAs, refused } = result ?? { outcome: "refused" as const };
  const counts = summary.collections.get(collection) ?? noCounts();
  summary.collections.set(collection, counts);
  summary.read++;
  summary[outcome]++;
  counts[outcome]++;
  if (storedAs !== undefined && summary.renamed.length < MAX_TOLD)
    summary.renamed.push({ uid: id, user: String(doc?.user), storedAs });
  if (outcome !== "refused" || summary.errors.length >= MAX_TOLD) return;
  const { code = "INTERNAL", message = "The datastore did not answer about it." } = refused ?? {};
  summary.errors.push({ collection, id, code, message });
}
