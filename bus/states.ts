/** The states of a bus and what moves it from one to the other: one row for each state, one column for each event. */
import type { State } from "./api.ts";

export type Event =
  /** The datastore answered, and this replica's position belongs to it. */
  | "reached"
  /** Something is missing here: a gap, or a head that is further. */
  | "behind"
  /** A catch-up ended with nothing pending. */
  | "caught-up"
  /** The connection broke, or no function answers. */
  | "lost"
  /** The datastore answered, and this replica's position does not belong to it. */
  | "mismatch";

/** The right datastore answers. */
export const REACHABLE: ReadonlySet<State> = new Set<State>(["synced", "catching-up"]);

/** What it means that a bus is held. What to do then the datastore knows, and says it a moment later. */
export const HELD_HERE =
  "This webserver's data and the datastore's do not belong together: the datastore is empty, older or another one. It serves what it has, keeps everything and writes nothing.";
export const HELD = `${HELD_HERE} Bring the right datastore back, or see \`frontsync reseed\`.`;

export const TRANSITIONS: Record<State, Record<Event, State>> = {
  degraded: { reached: "catching-up", behind: "degraded", "caught-up": "degraded", lost: "degraded", mismatch: "held" },
  "catching-up": { reached: "catching-up", behind: "catching-up", "caught-up": "synced", lost: "degraded", mismatch: "held" },
  synced: { reached: "synced", behind: "catching-up", "caught-up": "synced", lost: "degraded", mismatch: "held" },
  // Only the datastore that this replica belongs to ends it: nothing is given up by inference.
  held: { reached: "catching-up", behind: "held", "caught-up": "held", lost: "held", mismatch: "held" },
};
