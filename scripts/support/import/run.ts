/** An import from start to end: the bus, the progress bar, the report. */
import { clock } from "../../../bus/platform/clock.ts";
import { loadSchemas } from "../../../schemas/index.ts";
import { type Context, Failed } from "../cli.ts";
import type { Target } from "../config/target.ts";
import { count, formatCount } from "../numbers.ts";
import { connectObserver } from "../observer.ts";
import { faultLine, type Output } from "../output.ts";
import { startProgress } from "../progress.ts";
import { inTemporaryFolder } from "../temporary-folder.ts";
import { type ImportSummary, importDashboards } from "./load.ts";

export interface RunOptions {
  /** The folder to import. */
  dir: string;
  target: Target;
  /** The folder that keeps the replica; undefined: a temporary one. */
  replica: string | undefined;
  dryRun: boolean;
}

/** Imports, and reports what was done also when it did not come to its end. Throws `Failed` when a file could not be imported, and what
 *  connectObserver and importDashboards throw. */
export async function runImport(options: RunOptions, context: Context): Promise<void> {
  const { replica } = options;
  if (replica === undefined) await inTemporaryFolder((folder) => importThrough(folder, options, context));
  else await importThrough(replica, options, context);
}

async function importThrough(replica: string, options: RunOptions, { output, stop }: Context): Promise<void> {
  const { dir, target, dryRun } = options;
  const { bus } = await connectObserver("import", { target, dir: replica, signal: stop.signal });
  const progress = startProgress("file", process.stderr, clock.monotonic);
  try {
    const { summary, endedBy } = await importDashboards({
      bus,
      dir,
      schema: loadSchemas().collection("dashboards"),
      dryRun,
      signal: stop.signal,
      onProgress: progress.update,
    });
    progress.end();
    report(output, summary, { dryRun, complete: endedBy === undefined });
    if (endedBy !== undefined) throw endedBy;
    if (summary.failed > 0) throw new Failed();
  } finally {
    progress.end();
    await bus.close();
  }
}

function report(output: Output, summary: ImportSummary, { dryRun, complete }: { dryRun: boolean; complete: boolean }): void {
  const { read, added, changed, unchanged, failed, headBefore, headAfter, errors } = summary;
  for (const { path, code, message } of errors) output.note(faultLine({ code, message: `${path}: ${message}` }));
  const [a, c, u, f] = [added, changed, unchanged, failed].map(formatCount);
  output.line(`${count(read, "file")} read: ${a} added, ${c} changed, ${u} unchanged, ${f} failed.`);
  if (dryRun) output.line("Nothing was written (--dry-run).");
  else
    output.line(
      headBefore === headAfter ? `The head stays at ${headAfter}.` : `The head went from ${headBefore} to ${headAfter}.`,
    );
  output.figures({ ok: complete && failed === 0, complete, dryRun, ...summary });
}
