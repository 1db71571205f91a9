/** A restore from start to end: the source is verified, then its records go to the datastore, which keeps of each document the later
 *  version. */
import { clock } from "../../../bus/platform/clock.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { type Context, Failed } from "../cli.ts";
import type { Target } from "../config/target.ts";
import { alignedRows, count, formatCount } from "../numbers.ts";
import { connectObserver } from "../observer.ts";
import { faultLine, type Output } from "../output.ts";
import { startProgress } from "../progress.ts";
import { inTemporaryFolder } from "../temporary-folder.ts";
import { noCounts, type RestoreSummary, sendRecords } from "./send.ts";
import { type From, openSource, type Source } from "./source.ts";

const COLUMNS = ["added", "changed", "deleted", "marked", "left", "refused"] as const;

export interface RestoreOptions {
  from: From;
  target: Target;
  dryRun: boolean;
}

/** Restores, and reports what was done also when it did not come to its end. Throws `Failed` when a document was refused, and what
 *  openSource and connectObserver throw: then nothing was written. */
export async function runRestore(options: RestoreOptions, context: Context): Promise<void> {
  const source = await openSource(options.from, context.stop.signal);
  try {
    await inTemporaryFolder((dir) => restoreThrough(dir, source, options, context));
  } finally {
    await source.close();
  }
}

async function restoreThrough(dir: string, source: Source, options: RestoreOptions, { output, stop }: Context): Promise<void> {
  const { target, dryRun } = options;
  const { signal } = stop;
  const summary: RestoreSummary = { read: 0, ...noCounts(), collections: new Map(), renamed: [], errors: [] };
  const { bus } = await connectObserver("restore", { target, dir, signal });
  const progress = startProgress("document", process.stderr, clock.monotonic);
  let endedBy: unknown;
  try {
    await sendRecords(bus, source, summary, { dryRun, signal, onProgress: (done) => progress.update(done, source.count) });
  } catch (error) {
    endedBy = error;
  } finally {
    progress.end();
    await bus.close();
  }
  report(output, source, summary, { dryRun, complete: endedBy === undefined });
  if (endedBy !== undefined) throw continued(endedBy, dryRun);
  if (summary.refused > 0) throw new Failed();
}

function report(
  output: Output,
  source: Source,
  summary: RestoreSummary,
  { dryRun, complete }: { dryRun: boolean; complete: boolean },
): void {
  for (const { collection, id, code, message } of summary.errors)
    output.note(faultLine({ code: code as "INTERNAL", message: `${collection} ${id}: ${message}` }));
  for (const { uid, user, storedAs } of summary.renamed)
    output.note(
      `The user ${uid} is stored as '${storedAs}', and locked: somebody else is called '${user}'. Rename one of them, then unlock.`,
    );
  const rows = [...summary.collections].map(([name, counts]) => [name, ...COLUMNS.map((column) => formatCount(counts[column]))]);
  const table = alignedRows(
    [["", ...COLUMNS], ...rows, ["all", ...COLUMNS.map((column) => formatCount(summary[column]))]],
    [1, 2, 3, 4, 5, 6],
  );
  for (const line of table) output.line(line);
  output.line(
    `${count(summary.read, "record")} of ${formatCount(source.count)} from ${source.name} (revision ${source.revision}).`,
  );
  if (dryRun) output.line("Nothing was written (--dry-run).");
  output.figures({
    ok: complete && summary.refused === 0,
    complete,
    dryRun,
    records: source.count,
    revision: source.revision,
    ...summary,
    collections: Object.fromEntries(summary.collections),
  });
}

/** Whoever is interrupted is told that starting again is all that there is to do. */
function continued(error: unknown, dryRun: boolean): unknown {
  if (dryRun || !(error instanceof FrontsyncError)) return error;
  return new FrontsyncError(error.code, `${error.message} Start the restore again: it goes on with what is missing.`, {
    cause: error,
  });
}
