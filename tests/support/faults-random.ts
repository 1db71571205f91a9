/** Random numbers that can be had again: the seed is printed, and `FAULTS_SEED=<n>` sets it. */
import type { TestContext } from "node:test";
import { type Dice, rollDice } from "../../bench/faults/dice.ts";

export type { Dice };

export function dice(t: TestContext): Dice {
  const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed ${seed} (FAULTS_SEED=${seed} repeats it)`);
  return rollDice(seed);
}
