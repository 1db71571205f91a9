/** The checker: reads the history of a round, and says which invariants it breaks. It imports nothing of what is tested. */
import type { Entry } from "./history.ts";
import { deleted, inferred } from "./invariants/deletions.ts";
import { lost } from "./invariants/lost.ts";
import { once } from "./invariants/once.ts";
import { ordered, readYourWrites } from "./invariants/order.ts";
import { contents, memory, outbox } from "./invariants/processes.ts";
import { digests, folds } from "./invariants/replicas.ts";
import { Model } from "./model.ts";
import type { Violation } from "./violation.ts";

export type { Violation } from "./violation.ts";

/** The invariants, by their numbers in the design. */
export const INVARIANTS: readonly { name: string; text: string; check: (model: Model) => Violation[] }[] = [
  { name: "lost", text: "no acknowledged mutation is lost", check: lost },
  { name: "once", text: "one effect per mutation id", check: once },
  { name: "order", text: "revisions are applied in order", check: ordered },
  { name: "digests", text: "all replicas' digests are equal within 3 s of quiet", check: digests },
  { name: "outbox", text: "the outbox drains, or each rest is a dead letter with a reason", check: outbox },
  { name: "read-your-writes", text: "read-your-writes with a revision", check: readYourWrites },
  { name: "deleted", text: "nothing deleted comes back", check: deleted },
  { name: "inferred", text: "no deletion is inferred from absence", check: inferred },
  { name: "fold", text: "a replica equals the fold of the log at its `consistent` number", check: folds },
  { name: "contents", text: "a resource's content matches its hash", check: contents },
  { name: "memory", text: "memory stays bounded", check: memory },
];

/** Every violation, by invariant. */
export function check(entries: readonly Entry[]): Violation[] {
  const model = new Model(entries);
  return INVARIANTS.flatMap(({ check: one }) => one(model));
}

/** Operations on documents that were acknowledged, also into the outbox; reads and calls that were answered. */
export function countAcknowledged(entries: readonly Entry[]): number {
  return entries.filter(({ type }) => type === "ok").length;
}
