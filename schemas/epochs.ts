/** The lives of a store, and whether a replica's position belongs to them. */
import type { CheckInReply, Epoch, Position } from "./types.ts";

/** A position is good only if its epoch is listed and its cursor lies before the next entry's first revision: else the replica has seen
 *  what this store never had, or no longer has. */
export function judge(epochs: readonly Epoch[], position: Position | undefined): CheckInReply["position"] {
  if (!position) return "good";
  const at = epochs.findIndex(({ epoch }) => epoch === position.epoch);
  if (at < 0) return "unknown-epoch";
  const next = epochs[at + 1];
  return next && position.cursor >= next.firstSeq ? "beyond-epoch" : "good";
}

/** The life that a revision is of. */
export function epochAt(epochs: readonly Epoch[], revision: number): string | undefined {
  return epochs.findLast(({ firstSeq }) => firstSeq <= revision)?.epoch;
}
