/** What a restore has done, or would do, for people and for programs. */
import { alignedRows, count, formatCount } from "../numbers.ts";
import { faultLine, type Output } from "../output.ts";
import type { RestoreSummary } from "./send.ts";
import type { Mode, Source } from "./source.ts";

const COLUMNS = ["added", "changed", "deleted", "marked", "left", "refused"] as const;

export interface Reported {
  mode: Mode;
  dryRun: boolean;
  complete: boolean;
  continued: boolean;
  /** Of resources, that the datastore has now; with `dryRun` undefined. */
  contents: number | undefined;
  /** Users whose sessions were ended. */
  sessions: number;
}

export function report(output: Output, source: Source, summary: RestoreSummary, about: Reported): void {
  const { dryRun, complete, contents, sessions } = about;
  const { errors, renamed, withoutPassword } = summary;
  for (const { collection, id, code, message } of errors)
    output.note(faultLine({ code: code as "INTERNAL", message: `${collection} ${id}: ${message}` }));
  for (const { uid, user, storedAs } of renamed)
    output.note(
      `The user ${uid} is stored as '${storedAs}', and locked: somebody else is called '${user}'. Rename one of them, then unlock.`,
    );
  for (const { uid, user } of withoutPassword)
    output.note(
      `The user ${uid} ('${user}') has no password: the backup was made without secrets. Give a new one: frontsync rescue set-password.`,
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
  if (source.contents > 0) output.line(contentsLine(source, contents));
  if (dryRun) output.line("Nothing was written (--dry-run).");
  else if (complete) output.line(`Every session was ended: ${count(sessions, "user")} must log in again.`);
  output.figures({
    ok: complete && summary.refused === 0,
    ...about,
    records: source.count,
    sourceContents: source.contents,
    revision: source.revision,
    ...summary,
    collections: Object.fromEntries(summary.collections),
  });
}

function contentsLine({ contents }: Source, given: number | undefined): string {
  const all = `${count(contents, "content")} of resources`;
  if (given === undefined) return `${all} would be stored where they are missing.`;
  return given === contents ? `${all}: all of them are stored.` : `${all}: ${formatCount(given)} were there to be stored.`;
}
