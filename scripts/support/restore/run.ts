/** A restore from start to end: the source is verified, then its contents and records go to the datastore, where nobody else writes
 *  meanwhile; then all sessions end. */
import { join } from "node:path";
import type { Bus } from "../../../bus/api.ts";
import { clock } from "../../../bus/platform/clock.ts";
import { log } from "../../../bus/platform/log.ts";
import { loadRules } from "../../../functions/rules/index.ts";
import { asFrontsyncError, FrontsyncError } from "../../../schemas/errors.ts";
import { loadSchemas } from "../../../schemas/index.ts";
import { readStore } from "../backup/run.ts";
import { type Context, Failed } from "../cli.ts";
import type { Target } from "../config/target.ts";
import { connectObserver } from "../observer.ts";
import { startProgress } from "../progress.ts";
import { Stopped } from "../signals.ts";
import { asNoRoom, inTemporaryFolder } from "../temporary-folder.ts";
import { giveContents } from "./contents.ts";
import { type Compared, type Comparing, compared } from "./difference.ts";
import { Hold } from "./hold.ts";
import { type Reported, report } from "./report.ts";
import { noSummary, type RestoreSummary, sendRecords } from "./send.ts";
import { type From, type Mode, openSource, type Source } from "./source.ts";

/** Of looking whether the datastore is what was backed up; it can only be another one when a handler had not heard of the restore. */
const ROUNDS = 5;

export interface RestoreOptions {
  from: From;
  mode: Mode;
  target: Target;
  schemas: readonly string[];
  dryRun: boolean;
}

/** What one run works with. */
interface Work {
  bus: Bus;
  dir: string;
  source: Source;
  options: RestoreOptions;
  comparing: Comparing;
  summary: RestoreSummary;
  about: Reported;
  hold: Hold | undefined;
  signal: AbortSignal;
}

/** Restores, and reports what was done also when it did not come to its end. Throws `Failed` when a document was refused, and what
 *  openSource, connectObserver and Hold.begin throw: then nothing was written. */
export async function runRestore(options: RestoreOptions, context: Context): Promise<void> {
  const source = await openSource(options.from, options.mode, context.stop.signal);
  try {
    await inTemporaryFolder((dir) => restoreThrough(dir, source, options, context));
  } finally {
    await source.close();
  }
}

async function restoreThrough(dir: string, source: Source, options: RestoreOptions, { output, stop }: Context): Promise<void> {
  const { target, mode, dryRun } = options;
  const { signal } = stop;
  const { bus } = await connectObserver("restore", { target, dir: join(dir, "restore"), signal });
  let hold: Hold | undefined;
  try {
    const asked = { hash: source.hash, mode, source: source.name.slice(-4000), records: source.count };
    hold = dryRun ? undefined : await Hold.begin(bus, asked, signal);
    if (hold?.continued) output.note(`Going on with the restore that began at ${hold.startedAt} and was interrupted.`);
    const comparing = { schemas: loadSchemas(options.schemas), rules: await loadRules(), deleter: "restore" };
    const summary = noSummary();
    const about = { mode, dryRun, complete: false, continued: hold?.continued === true, contents: undefined, sessions: 0 };
    const work: Work = { bus, dir, source, options, comparing, summary, about, hold, signal };
    let endedBy: unknown;
    try {
      await (mode === "merge" ? merge(work) : replace(work));
      work.about.complete = true;
    } catch (error) {
      endedBy = error;
    }
    report(output, source, summary, work.about);
    if (endedBy !== undefined) throw dryRun ? endedBy : unfinished(endedBy);
    if (summary.refused > 0) throw new Failed();
  } finally {
    hold?.release();
    await bus.close();
  }
}

async function merge(work: Work): Promise<void> {
  await give(work);
  await send(work, everyRecord(work.source), work.summary);
  await endSessions(work);
  await work.hold?.finish();
}

/** Again until the datastore is what was backed up: a handler that had not heard of the restore may have stored something meanwhile. */
async function replace(work: Work): Promise<void> {
  const { source, options, hold, comparing, summary, signal } = work;
  await give(work);
  for (let round = 1; round <= ROUNDS; round++) {
    const { snapshots } = await readStore(join(work.dir, "look"), "restore-look", options.target, signal);
    try {
      // What is found later is counted, but of what is left only the first look.
      const found = round === 1 ? summary : noSummary();
      await send(work, compared(source, snapshots, comparing), found);
      if (round > 1) add(summary, found);
      if (!hold) return;
      if (round === 1) {
        await endSessions(work);
        // It can't become what was backed up: the summary says why.
        if (summary.refused > 0) return void (await hold.finish());
        if (written(summary) > 0 || work.about.sessions > 0) continue;
      }
      if (written(found) === 0 && (await hold.finish(snapshots.revision))) return;
    } finally {
      snapshots.close();
    }
  }
  throw new FrontsyncError("TIMEOUT", "Somebody writes to the datastore past the restore, again and again.");
}

async function give(work: Work): Promise<void> {
  const { bus, dir, source, hold, signal } = work;
  if (!hold || source.contents === 0) return;
  const progress = startProgress("content", process.stderr, clock.monotonic);
  const onProgress = (done: number) => progress.update(done, source.contents);
  try {
    work.about.contents = await giveContents(bus, source.files(join(dir, "content")), { signal, onProgress });
  } finally {
    progress.end();
  }
}

async function send({ bus, source, options, hold, signal }: Work, records: AsyncIterable<Compared>, summary: RestoreSummary) {
  const { mode, dryRun } = options;
  const { withoutSecrets, count } = source;
  const progress = startProgress("document", process.stderr, clock.monotonic);
  const onProgress = (done: number) => {
    progress.update(Math.min(done, count), count);
    if (hold) hold.done = Math.min(done, count);
  };
  try {
    await sendRecords(bus, records, summary, { mode, withoutSecrets, dryRun, restore: hold?.id, signal, onProgress });
  } finally {
    progress.end();
  }
}

async function endSessions({ hold, about }: Work): Promise<void> {
  about.sessions += (await hold?.endSessions()) ?? 0;
}

async function* everyRecord(source: Source): AsyncGenerator<Compared, void> {
  for await (const record of source.records()) yield { record, left: false };
}

function written({ added, changed, deleted, marked }: RestoreSummary): number {
  return added + changed + deleted + marked;
}

function add(summary: RestoreSummary, found: RestoreSummary): void {
  for (const outcome of ["added", "changed", "deleted", "marked", "refused"] as const) summary[outcome] += found[outcome];
  summary.errors.push(...found.errors);
}

/** Whoever is interrupted is told that starting again is all that there is to do. */
function unfinished(error: unknown): unknown {
  const todo =
    "The restore is not over, and nobody else writes until it is. Run the same command again: it goes on with what is missing; or give it up with `frontsync restore --abort`.";
  if (error instanceof Stopped) return Object.assign(error, { message: `${error.message} ${todo}` });
  const { code, message } = asFrontsyncError(asNoRoom(error));
  if (code === "INTERNAL") log.error({ err: error }, "a restore failed");
  return new FrontsyncError(code, `${message} ${todo}`, { cause: error });
}
