/** For tests: what happens to messages on the wire, and to files. Nothing else sets these. */
export const hooks: {
  /** Returns true for a live message that is to be lost. */
  loseLive: ((subject: string) => boolean) | undefined;
  /** Gets the body of each live message, and may damage it. */
  damageLive: ((subject: string, body: Uint8Array) => void) | undefined;
  /** Returns true for a file of a content that has no room for what is to be written. */
  diskFull: ((file: string) => boolean) | undefined;
  /** How long a content stays on a webserver that needs it no more, ms. */
  keepContentsMs: number | undefined;
  /** How long a command waits for the first answer of a datastore, ms. */
  answerMs: number | undefined;
} = { loseLive: undefined, damageLive: undefined, diskFull: undefined, keepContentsMs: undefined, answerMs: undefined };
