/** Runs the rounds of `frontsync faults` and prints what they gave. */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { type Figures, INVARIANTS, kindsHere, type RoundResult, runFaults, showing } from "../../../bench/faults/index.ts";
import { FAULTS } from "../../../bench/faults/injectors/index.ts";
import { makeFolder } from "../../../bus/platform/files.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { type Context, Failed } from "../cli.ts";
import { alignedRows, count, formatCount } from "../numbers.ts";
import { startProgress } from "../progress.ts";
import { findNats } from "../start-datastore.ts";

/** Of a history, on the terminal. */
const SHOWN_LINES = 80;
const SHOWN_CHARS = 400;
/** Of all violations of a round. */
const SHOWN_VIOLATIONS = 3;

export interface FaultsFlags {
  rounds: number;
  seed?: number;
  faults?: readonly string[];
  parallel: number;
  dir?: string;
  list?: boolean;
  json?: boolean;
}

/** Prints the kinds of faults. */
export function listFaults({ output }: Context): void {
  const texts = Object.fromEntries(Object.entries(FAULTS).map(([kind, { text }]) => [kind, text]));
  for (const row of alignedRows(Object.entries(texts))) output.line(row);
  const { notRun } = inFolder((folder) => kindsHere(undefined, folder));
  for (const [kind, why] of Object.entries(notRun)) output.note(`not run here: ${kind}: ${why}`);
  output.figures({ faults: texts, not_run: notRun });
}

/** Throws BAD_CONFIG for a kind that there is not or that this machine can't do; Failed when an invariant was broken, when a process did not
 *  start, or when no round counted. */
export async function injectFaults(flags: FaultsFlags, context: Context): Promise<void> {
  const { output, stop } = context;
  checkKinds(flags.faults);
  await findNats(undefined, context);
  const seed = flags.seed ?? Math.floor(Math.random() * 2 ** 31);
  const folder = flags.dir === undefined ? mkdtempSync(join(tmpdir(), "frontsync-faults-")) : resolve(flags.dir);
  makeFolder(folder);
  output.line(`seed ${seed}; histories and logs in ${folder}`);
  const progress = startProgress("round", process.stderr, () => performance.now());
  const results: RoundResult[] = [];
  try {
    const figures = await runFaults({
      ...{ rounds: flags.rounds, seed, parallel: flags.parallel, folder, signal: stop.signal, keep: flags.dir !== undefined },
      ...(flags.faults && { kinds: flags.faults }),
      onRound(result) {
        results.push(result);
        progress.end();
        printRound(result, context);
        progress.update(results.length, flags.rounds);
      },
    });
    progress.end();
    printFigures(figures, seed, context);
    if (isBroken(figures) || figures.rounds === 0 || results.some(({ failed }) => failed)) throw new Failed();
  } finally {
    progress.end();
    const worthKeeping = results.some((result) => result.violations.length > 0 || result.void !== undefined);
    if (flags.dir === undefined && !worthKeeping) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function checkKinds(kinds: readonly string[] | undefined): void {
  const unknown = kinds?.find((kind) => !(kind in FAULTS));
  if (unknown !== undefined)
    throw new FrontsyncError("BAD_CONFIG", `There is no fault '${unknown}'. There are ${Object.keys(FAULTS).join(", ")}.`);
  if (!kinds) return;
  const { notRun } = inFolder((folder) => kindsHere(kinds, folder));
  const impossible = kinds.find((kind) => kind in notRun);
  if (impossible !== undefined)
    throw new FrontsyncError(
      "BAD_CONFIG",
      `The fault '${impossible}' can't be injected here: ${notRun[impossible]}. Leave it out, or run the command where it can; \`frontsync faults --list\` says what can't be done.`,
    );
}

function printRound(result: RoundResult, { output }: Context): void {
  const { round, seed, operations, acknowledged, faults, unseen, violations, seconds, history } = result;
  const shown = violations.slice(0, SHOWN_VIOLATIONS).map((one) => ({ ...one, history: showing(result, one) }));
  output.figures({
    ...{ round, seed, ...(result.void !== undefined && { void: result.void }), ...(result.failed && { failed: true }) },
    ...{ operations, acknowledged, faults, unseen, violations: violations.length, seconds, ...(shown.length > 0 && { shown }) },
  });
  const seen = Object.keys(faults).join(", ") || "none";
  const nothing = result.void === undefined ? "nothing lost" : `void: ${result.void}`;
  const outcome = violations.length > 0 ? count(violations.length, "violation") : nothing;
  output.line(
    `round ${round}: ${formatCount(acknowledged)} of ${count(operations, "operation")} acknowledged; ${seen}; ${outcome}`,
  );
  for (const { invariant, what, history: entries } of shown) {
    output.line(output.paint("red", `  ${invariant}, ${INVARIANTS[invariant - 1]?.text}: ${what}`));
    for (const entry of entries.slice(0, SHOWN_LINES)) output.line(`    ${JSON.stringify(entry).slice(0, SHOWN_CHARS)}`);
    output.line(`    the whole history: ${history}`);
  }
}

function printFigures(figures: Figures, seed: number, { output }: Context): void {
  const { rounds, operations, acknowledged, faults, violations, notRun } = figures;
  output.figures({
    seed,
    machine: machine(),
    rounds,
    void: figures.void,
    operations,
    acknowledged,
    faults,
    violations,
    not_run: notRun,
  });
  output.line();
  output.line(
    `${count(rounds, "round")}, ${figures.void} void; ${formatCount(acknowledged)} of ${count(operations, "operation")} acknowledged`,
  );
  const kinds = Object.entries(faults).map(([kind, times]) => [kind, formatCount(times)]);
  for (const row of alignedRows(kinds, [1])) output.line(`  ${row}`);
  for (const [kind, why] of Object.entries(notRun)) output.line(`  not run: ${kind}: ${why}`);
  output.line();
  const rows = INVARIANTS.map(({ name, text }, index) => [String(index + 1), text, formatCount(violations[name] ?? 0)]);
  for (const row of alignedRows(rows, [0, 2])) output.line(`  ${row}`);
  if (isBroken(figures)) output.line(`\nrepeat it with --seed ${seed}`);
}

function machine(): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  return `node ${process.version}, ${availableParallelism()} cores, ${memory} GB, ${process.platform}-${process.arch}`;
}

function isBroken({ violations }: Figures): boolean {
  return Object.values(violations).some((times) => times > 0);
}

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "frontsync-faults-"));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
