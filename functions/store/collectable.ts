/** Which tombstones of a collection may go, without any I/O. */

/** Where a webserver has been, with nothing on its way, and when it was last heard, ms since 1970. */
export interface Past {
  cursor: number;
  at: number;
}

/** The last version of a document, as a listing of the store has it. */
export interface Listed {
  subject: string;
  revision: number;
  deleted: boolean;
  /** It is no document's: somebody else has written it. */
  foreign: boolean;
  /** When it was committed, ms since 1970. */
  at: number;
}

export interface TombstoneLimits {
  /** How long a webserver may be away before nothing waits for it, ms. */
  awayMs: number;
  /** How old a tombstone is at least, ms: as long its document's versions can be brought back. */
  keepMs: number;
}

export interface Plan {
  /** Tombstones up to the floor of now that are still there: a step that was interrupted has left them. */
  leftovers: Listed[];
  /** What the next floor is about, in order; none: there is nothing to do. */
  collect: Listed[];
  floor: number;
  /** Stays, whatever the floor: the highest number that was ever given. */
  kept: Listed | undefined;
}

/** Up to which revision every webserver that is waited for has been. */
export function safeRevision(known: readonly Past[], now: number, awayMs: number): number {
  return known
    .filter(({ at }) => now - at <= awayMs)
    .reduce((lowest, { cursor }) => Math.min(lowest, cursor), Number.POSITIVE_INFINITY);
}

/** `listed`: every document of the collection, tombstones included. `numberOf`: of a collection that allocates numbers, a document's. Every
 *  tombstone up to the next floor is collected by it, none is left out: so it begins with the oldest, ends before the first that must stay, and
 *  has at most `most`. The last version of the collection stays: what is stored on the condition of it must find it. */
export function plan(
  listed: readonly Listed[],
  floor: number,
  { safe, now, keepMs, most }: { safe: number; now: number; keepMs: number; most: number },
  numberOf?: (subject: string) => number,
): Plan {
  const tombstones = listed.filter(({ deleted }) => deleted).sort((a, b) => a.revision - b.revision);
  const last = listed.reduce((highest, { revision }) => Math.max(highest, revision), 0);
  const kept = numberOf && highestNumber(tombstones, numberOf);
  const mustStay = ({ revision, foreign, at }: Listed) => revision > safe || revision >= last || foreign || now - at < keepMs;
  const above = tombstones.filter(({ revision }) => revision > floor);
  const end = above.findIndex(mustStay);
  const collect = above.slice(0, Math.min(end < 0 ? above.length : end, most));
  return {
    leftovers: tombstones.filter((one) => one.revision <= floor && one !== kept),
    collect,
    floor: collect.at(-1)?.revision ?? floor,
    kept,
  };
}

function highestNumber(tombstones: readonly Listed[], numberOf: (subject: string) => number): Listed | undefined {
  let highest: Listed | undefined;
  for (const one of tombstones) if (!highest || numberOf(one.subject) > numberOf(highest.subject)) highest = one;
  return highest;
}
