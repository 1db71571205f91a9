/** For tests: what happens to messages on the wire. Nothing else sets these. */
export const hooks: {
  /** Returns true for a live message that is to be lost. */
  loseLive: ((subject: string) => boolean) | undefined;
} = { loseLive: undefined };
