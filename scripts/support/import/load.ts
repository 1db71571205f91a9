/** Loads a folder of dashboard files through a bus; what is held already is left alone. */
import { readFile, stat } from "node:fs/promises";
import type { Bus, Collection, Written } from "../../../bus/api.ts";
import { pause } from "../../../bus/platform/deadline.ts";
import { documentId } from "../../../schemas/document.ts";
import { type ErrorCode, FrontsyncError } from "../../../schemas/errors.ts";
import type { CollectionSchema } from "../../../schemas/index.ts";
import type { Dashboard } from "../../../schemas/types.ts";
import { catchUp } from "../catch-up.ts";
import { untilStored } from "../until-stored.ts";
import { assertSize, fileLimit, isSame, parseFile, toDashboard } from "./document.ts";
import { type FileFault, faultOf } from "./faults.ts";
import { type FoundFile, findJsonFiles } from "./files.ts";
import { createWindow } from "./window.ts";

/** Writes on the way at once: enough for the datastore to commit them in groups, few enough that the largest fit in memory. */
const IN_FLIGHT = { pieces: 64, bytes: 32 * 1024 * 1024 };
const CATCH_UP_MS = 120_000;
const SETTLE_MS = 2000;
const WRITE_TRIES = 4;
const RETRY_AFTER_MS = 500;
const LOSSES: ReadonlySet<ErrorCode> = new Set(["TIMEOUT", "OUTCOME_UNKNOWN", "DATASTORE_UNREACHABLE"]);

export interface ImportOptions {
  bus: Bus;
  dir: string;
  schema: CollectionSchema;
  /** Look, and write nothing. */
  dryRun: boolean;
  /** Ends it after the writes that are on their way. */
  signal: AbortSignal;
  onProgress(done: number, total: number): void;
}

export interface ImportSummary {
  /** JSON files that were looked at; the others are in one of the next four. */
  read: number;
  added: number;
  changed: number;
  unchanged: number;
  /** Files, and folders that could not be read. */
  failed: number;
  /** The datastore's head before the first write and after the last. */
  headBefore: number | null;
  headAfter: number | null;
  errors: FileFault[];
}

interface Job extends ImportOptions {
  dashboards: Collection<Dashboard>;
  summary: ImportSummary;
  /** Which file has an id. */
  owners: Map<string, string>;
}

export interface ImportOutcome {
  summary: ImportSummary;
  /** Why it ended before the last file: the signal's reason, or that the datastore was lost. */
  endedBy: unknown;
}

/** Reads the files in the order of their paths and writes what is new or changed. One file's fault does not keep the others from
 *  being imported; a datastore that is gone does, and so does the signal. Throws, before the first file, what findJsonFiles throws
 *  and TIMEOUT. */
export async function importDashboards(options: ImportOptions): Promise<ImportOutcome> {
  const { bus, dir, signal } = options;
  const { files, faults } = await findJsonFiles(dir, signal);
  await catchUp(bus, signal, CATCH_UP_MS);
  const headBefore = bus.status().head;
  const summary: ImportSummary = {
    read: 0,
    added: 0,
    changed: 0,
    unchanged: 0,
    failed: 0,
    headBefore,
    headAfter: headBefore,
    errors: [],
  };
  const job: Job = { ...options, summary, dashboards: bus.collection("dashboards"), owners: new Map() };
  for (const fault of faults) fail(job, fault);
  let endedBy = await importFiles(job, files);
  try {
    await bus.caughtUp(null, { timeoutMs: endedBy === undefined ? CATCH_UP_MS : SETTLE_MS });
  } catch (error) {
    endedBy ??= error;
  }
  summary.headAfter = bus.status().head;
  return { summary, endedBy };
}

/** Returns why it ended early, if it did. */
async function importFiles(job: Job, files: readonly FoundFile[]): Promise<unknown> {
  const { signal, onProgress, summary } = job;
  const writes = createWindow(IN_FLIGHT);
  let lost: unknown;
  for (const { path, location } of files) {
    if (signal.aborted || lost !== undefined) break;
    onProgress(summary.read - writes.size, files.length);
    summary.read++;
    try {
      assertSize((await stat(location)).size, fileLimit(job.schema), "The file");
      const bytes = await readFile(location);
      const doc = readDashboard(bytes, path, job);
      await writes.add(bytes.length, async () => {
        try {
          await store(job, doc);
        } catch (error) {
          if (isLoss(error)) lost ??= error;
          fail(job, faultOf(path, error));
        }
      });
    } catch (error) {
      fail(job, faultOf(path, error));
    }
  }
  await writes.drained();
  return signal.aborted ? signal.reason : lost;
}

/** The document of a file, valid and with an id that no other file of this run has. */
function readDashboard(bytes: Uint8Array, path: string, { schema, owners }: Job): Dashboard {
  const doc = toDashboard(parseFile(bytes), path, schema);
  schema.validate(doc);
  const id = documentId(schema, { ...doc });
  const owner = owners.get(id);
  if (owner !== undefined)
    throw new FrontsyncError("BAD_ID", `It has the id ${JSON.stringify(id.slice(0, 80))}, and so has ${owner}.`);
  owners.set(id, path);
  return doc;
}

async function store({ bus, dashboards, schema, summary, dryRun, signal }: Job, doc: Dashboard): Promise<void> {
  const held = await dashboards.get(doc.id);
  if (held !== undefined && isSame(held.doc, doc, schema)) {
    summary.unchanged++;
    return;
  }
  const written = dryRun ? undefined : await put(dashboards, doc);
  if (written) await untilStored(bus, written, "dashboards", { signal });
  if (held === undefined) summary.added++;
  else summary.changed++;
}

/** A write whose answer got lost is sent again under the same mutation id, so that it has one effect. */
async function put(dashboards: Collection<Dashboard>, doc: Dashboard): Promise<Written> {
  let mutationId: string | undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      return await dashboards.put(doc, mutationId === undefined ? {} : { mutationId });
    } catch (error) {
      if (!isLoss(error) || attempt === WRITE_TRIES) throw error;
      mutationId = error.mutationId ?? mutationId;
      await pause(RETRY_AFTER_MS * attempt);
    }
  }
}

/** Says that the datastore did not answer, not that this document is bad. */
function isLoss(error: unknown): error is FrontsyncError {
  return error instanceof FrontsyncError && LOSSES.has(error.code);
}

function fail({ summary }: Job, fault: FileFault): void {
  summary.failed++;
  summary.errors.push(fault);
}
