/** Random numbers that can be had again: the same seed gives the same ones (mulberry32). */
export interface Dice {
  /** At least `from`, below `to`. */
  number(from: number, to: number): number;
  /** A whole one, at least `from`, below `to`. */
  whole(from: number, to: number): number;
  pick<T>(from: readonly T[]): T;
  /** True in `share` (0 to 1) of the cases. */
  chance(share: number): boolean;
  /** In another order. */
  shuffled<T>(values: readonly T[]): T[];
  /** Others, that follow from this one's seed and `name` alone: what one part of a round draws changes nothing for another part. */
  fork(name: string): Dice;
}

export function rollDice(seed: number): Dice {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const number = (from: number, to: number) => from + next() * (to - from);
  const whole = (from: number, to: number) => Math.floor(number(from, to));
  const pick = <T>(from: readonly T[]) => from[whole(0, from.length)] as T;
  return {
    number,
    whole,
    pick,
    chance: (share) => next() < share,
    shuffled(values) {
      const left = [...values];
      return values.map(() => left.splice(whole(0, left.length), 1)[0] as (typeof values)[number]);
    },
    fork: (name) => rollDice([...name].reduce((hash, character) => Math.imul(hash ^ character.charCodeAt(0), 0x01000193), seed)),
  };
}
