/** Which key signs, and which keys still count. Pure: every webserver comes to the same answer from the same three documents. */

export interface PublishedKey {
  kid: string;
  secret: Uint8Array;
  /** Its commit time, ms since 1970. */
  publishedAt: number;
}

export interface Lifetimes {
  /** How long a session lasts, ms: so long a key counts after its last signature. */
  sessionMs: number;
  /** How long a key is published before it signs, ms: by then every webserver has it. */
  leadMs: number;
}

/** A key is replaced when it is so old, ms. */
const USUAL_PERIOD_MS = 24 * 3600_000;
/** What the clocks of webservers and datastore may differ by, ms. */
const SKEW_MS = 60_000;

/** The key that signs: the latest that has been published for long enough. The very first one signs at once: there is no other. */
export function signingKey<K extends PublishedKey>(keys: readonly K[], { leadMs }: Lifetimes, now: number): K | undefined {
  const inOrder = [...keys].sort(byAge);
  return inOrder.findLast(({ publishedAt }) => publishedAt + leadMs <= now) ?? inOrder[0];
}

/** The keys that count: a key ends one session after its successor began to sign. */
export function countingKeys<K extends PublishedKey>(keys: readonly K[], { sessionMs, leadMs }: Lifetimes, now: number): K[] {
  const inOrder = [...keys].sort(byAge);
  return inOrder.filter((_key, at) => {
    const successor = inOrder[at + 1];
    return !successor || now <= successor.publishedAt + leadMs + sessionMs + SKEW_MS;
  });
}

/** Whether it is time for another key. The period leaves the oldest of three keys, whose place the new one takes, long without a use. */
export function isRotationDue(keys: readonly PublishedKey[], { sessionMs, leadMs }: Lifetimes, now: number): boolean {
  const youngest = Math.max(Number.NEGATIVE_INFINITY, ...keys.map(({ publishedAt }) => publishedAt));
  return youngest + Math.max(USUAL_PERIOD_MS, sessionMs + leadMs + 2 * SKEW_MS) <= now;
}

function byAge(a: PublishedKey, b: PublishedKey): number {
  return a.publishedAt - b.publishedAt || (a.kid < b.kid ? -1 : 1);
}
