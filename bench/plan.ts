/** How much is measured. */
export interface Plan {
  /** Of each figure; in each, both sides are measured, one after the other. */
  rounds: number;
  /** Puts one after the other, for this long in each round. */
  singleMs: number;
  /** PACE_PER_SECOND puts a second, for this long in each round: more than 100 of them, else p99 is the worst one. */
  pacedMs: number;
  /** IN_FLIGHT puts at a time, for this long in each round. */
  floodMs: number;
  /** A flood before the first round: code is compiled, files are there, connections are warm. */
  warmUpMs: number;
  /** How many documents a new replica fetches. */
  catchup300B: number;
  catchup2KB: number;
  /** … or as many as can be stored in this time. */
  loadMs: number;
  /** Puts of 300 KB one after the other, for this long in each round. */
  largeMs: number;
  /** Locks of a user. */
  locks: number;
  history: { entries: number; users: number; withinMs: number; reads: number; appends: number };
  /** After this long, on a machine that is too busy, a catch-up is done with MIN_ROUNDS. */
  lateMs: number;
}

/** Of a document that is put. */
export const DOCUMENT_BYTES = 1024;
export const LARGE_BYTES = 300 * 1024;
export const IN_FLIGHT = 256;
export const PACE_PER_SECOND = 90;
export const MIN_ROUNDS = 3;

export const FULL: Plan = {
  rounds: 7,
  singleMs: 3000,
  pacedMs: 5000,
  floodMs: 3000,
  warmUpMs: 4000,
  catchup300B: 100_000,
  catchup2KB: 10_000,
  loadMs: 120_000,
  largeMs: 2000,
  locks: 20,
  history: { entries: 200_000, users: 1000, withinMs: 200_000, reads: 2000, appends: 1000 },
  lateMs: Number.POSITIVE_INFINITY,
};

/** All in less than 50 s, also on a machine with two cores. */
export const QUICK: Plan = {
  rounds: 5,
  singleMs: 250,
  pacedMs: 1150,
  floodMs: 250,
  warmUpMs: 600,
  catchup300B: 20_000,
  catchup2KB: 1500,
  loadMs: 2500,
  largeMs: 100,
  locks: 5,
  history: { entries: 4000, users: 20, withinMs: 2500, reads: 300, appends: 100 },
  lateMs: 33_000,
};
