/** What is done about a replica that differs from the datastore: one rung after the other, each only when the one before has not helped. A pure
 *  decision: what it leads to is in drift.ts. No rung is taken without end: each has a number of times in an hour, and when it is used up the
 *  next one is taken, up to the last, which is to stop and say why. */

/** In their order. */
export const RUNGS = ["retry", "catch-up", "resync", "rebuild", "stop"] as const;

/** retry: check in again, it may have been a race. catch-up: read what changed since the digests last agreed. resync: compare the collection with
 *  the datastore's complete list. rebuild: make the replica anew from its rows, read everything, compare everything. stop: change nothing more. */
export type Rung = (typeof RUNGS)[number];

/** How often in an hour: for the whole replica, and a resync for each collection. */
export const MOST: Record<Rung, number> = { retry: 20, "catch-up": 10, resync: 5, rebuild: 1, stop: Number.POSITIVE_INFINITY };
export const WINDOW_MS = 3_600_000;

interface Taken {
  readonly rung: Rung;
  /** undefined: it was for the whole replica. */
  readonly collection: string | undefined;
  /** Monotonic, ms. */
  readonly at: number;
}

export interface Ladder {
  /** The last rung of each collection that differs, and since when it is there. */
  readonly at: ReadonlyMap<string, { readonly rung: Rung; readonly since: number }>;
  /** Of the last hour. */
  readonly taken: readonly Taken[];
}

export const GROUND: Ladder = { at: new Map(), taken: [] };

/** What to do now: the highest rung that any collection is at, and for which of them. undefined: nothing, or nothing more. */
export interface Step {
  rung: Rung;
  collections: string[];
}

/** One comparison: `differing` are the collections that differ now. A collection that agrees is on the ground again; what it took is remembered.
 *  One that has stopped begins anew after an hour. */
export function climb(ladder: Ladder, differing: readonly string[], now: number): { ladder: Ladder; step: Step | undefined } {
  const taken = ladder.taken.filter(({ at }) => now - at < WINDOW_MS);
  const next = new Map(differing.map((collection) => [collection, nextRung(ladder, taken, collection, now)]));
  const rung = RUNGS.findLast((one) => [...next.values()].includes(one) && one !== "stop");
  const collections = differing.filter((collection) => next.get(collection) === rung);
  const stopping = differing.filter(
    (collection) => next.get(collection) === "stop" && ladder.at.get(collection)?.rung !== "stop",
  );
  const at = new Map(ladder.at);
  for (const collection of ladder.at.keys()) if (!next.has(collection)) at.delete(collection);
  // Whoever's rung is not taken now waits on its own: the comparison after this step decides again.
  for (const collection of [...stopping, ...(rung ? collections : [])])
    at.set(collection, { rung: next.get(collection) ?? "stop", since: now });
  if (!rung) return { ladder: { at, taken }, step: stopping.length > 0 ? { rung: "stop", collections: stopping } : undefined };
  const steps: Taken[] =
    rung === "resync"
      ? collections.map((collection) => ({ rung, collection, at: now }))
      : [{ rung, collection: undefined, at: now }];
  return { ladder: { at, taken: [...taken, ...steps] }, step: { rung, collections } };
}

/** The collections that have stopped. */
export function stopped({ at }: Ladder): string[] {
  return [...at].filter(([, { rung }]) => rung === "stop").map(([collection]) => collection);
}

function nextRung(ladder: Ladder, taken: readonly Taken[], collection: string, now: number): Rung {
  const last = ladder.at.get(collection);
  if (last?.rung === "stop" && now - last.since < WINDOW_MS) return "stop";
  const from = last === undefined || last.rung === "stop" ? 0 : RUNGS.indexOf(last.rung) + 1;
  const times = (rung: Rung) =>
    taken.filter((one) => one.rung === rung && (rung !== "resync" || one.collection === collection)).length;
  return RUNGS.slice(from).find((rung) => times(rung) < MOST[rung]) ?? "stop";
}
