/** The bare pipeline's names. */
export const STREAM = "BARE";
export const PUT = "bare.put";
export const QUEUE = "handlers";

/** Where a document is stored. */
export function stored(id: string): string {
  return `bare.kv.${id}`;
}

export const ALL_STORED = "bare.kv.>";
export const ALL_LIVE = "bare.live.>";
