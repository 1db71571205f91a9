/** Random numbers that can be had again: the seed is printed, and `FAULTS_SEED=<n>` sets it. */
import type { TestContext } from "node:test";

export interface Dice {
  /** At least `from`, below `to`. */
  number(from: number, to: number): number;
  pick<T>(from: readonly T[]): T;
}

export function dice(t: TestContext): Dice {
  const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed ${seed} (FAULTS_SEED=${seed} repeats it)`);
  let state = seed;
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    number: (from, to) => from + next() * (to - from),
    pick: (from) => from[Math.floor(next() * from.length)] as (typeof from)[number],
  };
}
