/** The only source of time: tests move it. */
export const clock = {
  /** Milliseconds since 1970. */
  now: (): number => Date.now(),
  /** Microseconds since 1970, for the first revision of a store. */
  nowMicros: (): number => Date.now() * 1000,
  /** Milliseconds that only rise. */
  monotonic: (): number => performance.now(),
};
