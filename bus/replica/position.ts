/** Where a replica stands in the store. */

/** `cursor`: read up to here; `consistent`: every change up to here is held. */
export interface ReplicaPosition {
  epoch: string | undefined;
  /** The first life of that store; missing in older snapshots. */
  generation?: string | undefined;
  cursor: number;
  consistent: number;
  /** Rows may be of up to here, when that is further: one of the two databases was lost, or is of an earlier moment. */
  held?: number;
  /** Collections that may hold what was deleted before the cursor: their tombstones are collected, and they are not compared yet. */
  suspect?: string[] | undefined;
}

export const NOWHERE: ReplicaPosition = { epoch: undefined, cursor: 0, consistent: 0 };

/** The highest revision that a row may have: while everything is read anew the cursor is lower. The epoch is of this one, and so it is what tells
 *  whether a store is the one that the rows are of. */
export function reachOf({ cursor, consistent, held = 0 }: ReplicaPosition): number {
  return Math.max(cursor, consistent, held);
}

/** Of the two databases' positions. The lower one counts: what is applied twice has no effect. Of two lives of the store neither is trusted, but which
 *  store it is; how far the rows go stays known, or the loss of the store's end would not be noticed. */
export function positionOf(one: ReplicaPosition, other: ReplicaPosition): ReplicaPosition {
  const [lower, higher] = one.cursor <= other.cursor ? [one, other] : [other, one];
  const held = reachOf(higher);
  const { epoch, generation } = higher.epoch === undefined ? lower : higher;
  const from = lower.epoch === higher.epoch ? lower : NOWHERE;
  const suspect = [...new Set([one, other].flatMap((position) => position.suspect ?? []))];
  return { ...from, epoch, generation, ...(held > reachOf(from) && { held }), ...(suspect.length > 0 && { suspect }) };
}
