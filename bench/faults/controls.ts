/** Positive controls: what is broken on purpose must be caught. */
import { join } from "node:path";
import { kindsHere } from "./index.ts";
import { runRound } from "./round.ts";

const MOST_ROUNDS = 20;
const WORK_MS = 4000;

export interface ControlOptions {
  folder: string;
  /** The invariant that must be found broken. */
  invariant: number;
  broken?: string;
  sync?: "always" | "default";
  /** Of faults. */
  kinds: readonly string[];
  /** Rounds at most; default 20. */
  most?: number;
  seed?: number;
}

/** Runs rounds until the invariant is found broken. */
export async function runControl(options: ControlOptions): Promise<{ rounds: number; caught: boolean }> {
  const { folder, invariant, broken, sync, most = MOST_ROUNDS, seed = 1 } = options;
  const { kinds } = kindsHere(options.kinds, folder);
  for (let round = 0; round < most; round++) {
    const own = { round, seed, kinds, workMs: WORK_MS, folder: join(folder, `round-${round}`) };
    const { violations } = await runRound({ ...own, broken, ...(sync && { sync }) });
    if (violations.some((one) => one.invariant === invariant)) return { rounds: round + 1, caught: true };
  }
  return { rounds: most, caught: false };
}
