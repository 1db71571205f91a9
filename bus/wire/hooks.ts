/** For tests: what happens to messages on the wire, and to files. Nothing else sets these. */
export const hooks: {
  /** Returns true for a live message that is to be lost. */
  loseLive: ((subject: string) => boolean) | undefined;
  /** Returns true for a file of a content that has no room for what is to be written. */
  diskFull: ((file: string) => boolean) | undefined;
  /** How long a content stays on a webserver that needs it no more, ms. */
  keepContentsMs: number | undefined;
} = { loseLive: undefined, diskFull: undefined, keepContentsMs: undefined };
