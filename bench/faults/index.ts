/** Fault injection: proves on the machine at hand that nothing is lost, that nothing diverges and that nothing comes back, or shows the shortest
 *  history that says otherwise. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "./check/history.ts";
import { INVARIANTS, type Violation } from "./check/index.ts";
import { shortest } from "./check/shortest.ts";
import { Volume } from "./cluster/volume.ts";
import { FAULTS } from "./injectors/index.ts";
import { readHistory } from "./recorder.ts";
import { type RoundResult, runRound } from "./round.ts";

export { INVARIANTS, type RoundResult, type Violation };

export interface FaultsOptions {
  rounds: number;
  seed: number;
  /** Kinds of faults; default: all that this machine can do. */
  kinds?: readonly string[];
  /** Rounds at once. */
  parallel: number;
  /** For the histories and logs of the rounds. */
  folder: string;
  /** Keeps them also of rounds without a violation. */
  keep: boolean;
  /** ms of workload in each round. */
  workMs?: number;
  sync?: "always" | "default";
  /** For the positive controls: what is wrong with the webservers. */
  broken?: string;
  signal?: AbortSignal;
  onRound?: (result: RoundResult) => void;
}

export interface Figures {
  rounds: number;
  /** Rounds that say nothing: too little was acknowledged, or no fault had an effect. */
  void: number;
  operations: number;
  acknowledged: number;
  faults: Record<string, number>;
  /** By the invariant's name. */
  violations: Record<string, number>;
  notRun: Record<string, string>;
}

/** The kinds that can be injected here, and why the others can't. `wanted` undefined: all. */
export function kindsHere(
  wanted: readonly string[] | undefined,
  folder: string,
): { kinds: string[]; notRun: Record<string, string> } {
  const notRun: Record<string, string> = {};
  const needVolume = Object.entries(FAULTS).filter(([, { needs }]) => needs !== undefined);
  const why = needVolume.some(([kind]) => wanted?.includes(kind) ?? true) ? Volume.whyNot(folder) : undefined;
  if (why !== undefined) for (const [kind] of needVolume) notRun[kind] = `no file system can be mounted here (${why})`;
  const asked = wanted ?? Object.keys(FAULTS);
  return { kinds: asked.filter((kind) => !(kind in notRun)), notRun };
}

/** Runs the rounds and adds their figures up. */
export async function runFaults(options: FaultsOptions): Promise<Figures> {
  const { rounds, seed, folder, parallel, onRound, signal } = options;
  const { kinds, notRun } = kindsHere(options.kinds, folder);
  const results: RoundResult[] = [];
  let next = 0;
  const worker = async () => {
    while (next < rounds && !signal?.aborted) {
      const round = next++;
      const { sync, broken, workMs } = options;
      // Of a run before.
      clear(join(folder, `round-${round}`));
      const result = await runRound({
        ...{ round, seed, kinds, folder: join(folder, `round-${round}`) },
        ...(sync && { sync }),
        ...(broken !== undefined && { broken }),
        ...(workMs !== undefined && { workMs }),
        ...(signal && { signal }),
      });
      results.push(result);
      onRound?.(result);
      if (!options.keep && result.violations.length === 0 && result.void === undefined) clear(join(folder, `round-${round}`));
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  signal?.throwIfAborted();
  return { ...sum(results), notRun };
}

/** What shows a violation, from its round's history. */
export function showing(result: RoundResult, violation: Violation): Entry[] {
  return shortest(readHistory(result.history), violation);
}

/** The figures of several rounds. */
export function sum(results: readonly RoundResult[]): Omit<Figures, "notRun"> {
  const counted = results.filter((result) => result.void === undefined);
  const faults: Record<string, number> = {};
  for (const { faults: seen } of counted)
    for (const [kind, count] of Object.entries(seen)) faults[kind] = (faults[kind] ?? 0) + count;
  const violations = Object.fromEntries(INVARIANTS.map(({ name }) => [name, 0]));
  for (const { violations: found } of results)
    for (const { invariant } of found) {
      const name = INVARIANTS[invariant - 1]?.name ?? String(invariant);
      violations[name] = (violations[name] ?? 0) + 1;
    }
  return {
    rounds: counted.length,
    void: results.length - counted.length,
    operations: counted.reduce((all, { operations }) => all + operations, 0),
    acknowledged: counted.reduce((all, { acknowledged }) => all + acknowledged, 0),
    faults,
    violations,
  };
}

function clear(folder: string): void {
  if (existsSync(folder)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
