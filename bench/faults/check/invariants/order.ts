/** 3: a webserver applies revisions in order. 6: it has what it was told to wait for, and shows its own writes. */
import type { Seen } from "../history.ts";
import type { Model, Operation } from "../model.ts";
import { type Violation, violation } from "../violation.ts";

export function ordered(model: Model): Violation[] {
  return [...changesInOrder(model), ...readsInOrder(model)];
}

function changesInOrder(model: Model): Violation[] {
  const found: Violation[] = [];
  const last = new Map<string, number>();
  for (const entry of model.entries) {
    if (entry.type !== "change") continue;
    const { process, life, collection, id, revision } = entry;
    const key = `${process} ${life} ${collection}`;
    const before = last.get(key) ?? 0;
    if (revision <= before) found.push(violation(3, `${process} told of ${revision} after ${before}`, collection, id));
    last.set(key, Math.max(before, revision));
  }
  return found;
}

/** Of one life of a webserver: a restart begins with what is on the disk. */
function readsInOrder(model: Model): Violation[] {
  const found: Violation[] = [];
  const done = new Map<string, { at: number; revision: number }[]>();
  const reads = [...model.operations.values()].filter(
    ({ asked, outcome }) => asked.kind === "read" && outcome === "acknowledged",
  );
  for (const { process, life, asked, answer, invokedAt, endedAt } of reads.sort((a, b) => a.endedAt - b.endedAt)) {
    if (asked.kind !== "read" || !answer.entry || answer.entry.pending) continue;
    const { revision } = answer.entry;
    const earlier = done.get(`${process} ${life} ${asked.collection}/${asked.id}`) ?? [];
    const later = earlier.find((one) => one.at < invokedAt && one.revision > revision);
    if (later) found.push(violation(3, `${process} showed ${revision} after ${later.revision}`, asked.collection, asked.id));
    done.set(`${process} ${life} ${asked.collection}/${asked.id}`, [...earlier, { at: endedAt, revision }]);
  }
  return found;
}

export function readYourWrites(model: Model): Violation[] {
  return [...model.operations.values()].flatMap((operation) => {
    const { asked, outcome, answer, process, op } = operation;
    if (asked.kind !== "read" || outcome !== "acknowledged") return [];
    const { collection, id } = asked;
    const why = asked.revision === undefined ? undefined : staleAt(model, asked.revision, collection, id, answer.entry);
    const own = ownMissing(model, operation, collection, id, answer.entry);
    return [why, own].flatMap((text) => (text ? [violation(6, `op ${op}, a read on ${process}: ${text}`, collection, id)] : []));
  });
}

function staleAt(
  model: Model,
  revision: number,
  collection: string,
  id: string,
  entry: Seen | null | undefined,
): string | undefined {
  if (entry)
    return entry.revision < revision && !entry.pending ? `${entry.revision}, after ${revision} was waited for` : undefined;
  const gone = model.versionsOf(collection, id).some((version) => version.deleted && version.revision >= revision);
  const waits = [...model.writes()].some(
    ({ asked }) => asked.kind === "delete" && asked.collection === collection && asked.id === id,
  );
  return gone || waits || !model.isComplete(collection) ? undefined : `nothing, after ${revision} was waited for`;
}

/** What this webserver has taken before the read began: from the outbox also after a restart, else in the same life. */
function ownMissing(
  model: Model,
  read: Operation,
  collection: string,
  id: string,
  entry: Seen | null | undefined,
): string | undefined {
  for (const { asked, process, life, outcome, endedAt } of model.writes()) {
    if (asked.kind !== "patch" || asked.role !== "log" || asked.collection !== collection || asked.id !== id) continue;
    if (process !== read.process || endedAt >= read.invokedAt) continue;
    if (!(outcome === "queued" || (outcome === "acknowledged" && life === read.life))) continue;
    if (!entry?.marks.includes(asked.mark)) {
      // From the outbox into the store, and the replica of a new life may not have caught up with that yet.
      const stored = model.marked.has(asked.mark) && life !== read.life;
      if (!stored)
        return `without ${asked.mark}, which it had ${outcome === "queued" ? "taken into its outbox" : "acknowledged"}`;
    }
  }
  return undefined;
}
