/** 3: a webserver applies revisions in order. 6: it has what it was told to wait for, and shows its own writes. */
import type { Seen } from "../history.ts";
import type { Model, Operation } from "../model.ts";
import { type Violation, violation } from "../violation.ts";

export function ordered(model: Model): Violation[] {
  return [...changesInOrder(model), ...readsInOrder(model)];
}

function changesInOrder(model: Model): Violation[] {
  const found: Violation[] = [];
  const last = new Map<string, { revision: number; store: number }>();
  let store = 0;
  for (const entry of model.entries) {
    if (entry.type === "store-lost") store++;
    if (entry.type !== "change") continue;
    const { process, life, collection, id, revision } = entry;
    const key = `${process} ${life} ${collection}`;
    const before = last.get(key) ?? { revision: 0, store: 0 };
    const rises = revision > before.revision;
    // The numbers of another store: its changes are told from the beginning. Also after a restart with what was on the disk before.
    const beginsAnew = !rises && before.store < store;
    if (!rises && !beginsAnew)
      found.push(violation(3, `${process} told of ${revision} after ${before.revision}`, collection, id));
    if (rises) last.set(key, { revision, store: before.store });
    else if (beginsAnew) last.set(key, { revision, store });
  }
  return found;
}

/** Of one life of a webserver: a restart begins with what is on the disk. And of one store. */
function readsInOrder(model: Model): Violation[] {
  const found: Violation[] = [];
  const done = new Map<string, { at: number; revision: number }[]>();
  const reads = [...model.operations.values()].filter(
    ({ asked, outcome }) => asked.kind === "read" && outcome === "acknowledged",
  );
  for (const read of reads.sort((a, b) => a.endedAt - b.endedAt)) {
    const { process, life, asked, answer, invokedAt, endedAt } = read;
    const store = model.stores.of(read);
    if (asked.kind !== "read" || !answer.entry || answer.entry.pending || store === undefined) continue;
    const { revision } = answer.entry;
    const key = `${store} ${process} ${life} ${asked.collection}/${asked.id}`;
    // 0: of a store that it no longer follows. After a restart with what was on the disk before, it is told of the lost store only now.
    const beginsAnew = revision === 0 && store > 0;
    const earlier = beginsAnew ? [] : (done.get(key) ?? []);
    const later = earlier.find((one) => one.at < invokedAt && one.revision > revision);
    if (later) found.push(violation(3, `${process} showed ${revision} after ${later.revision}`, asked.collection, asked.id));
    done.set(key, [...earlier, { at: endedAt, revision }]);
  }
  return found;
}

export function readYourWrites(model: Model): Violation[] {
  const told = toldIn(model);
  return [...model.operations.values()].flatMap((operation) => {
    const { asked, outcome, answer, process, op } = operation;
    if (asked.kind !== "read" || outcome !== "acknowledged") return [];
    const { collection, id, revision } = asked;
    // A number says nothing of another store than the one that gave it.
    const store = model.stores.of(operation);
    const by = told.get(`${collection}/${id} ${revision}`);
    const counts = store !== undefined && (by === undefined || by.has(store));
    const why = counts && revision !== undefined ? staleAt(model, revision, collection, id, answer.entry) : undefined;
    const own = ownMissing(model, operation, collection, id, answer.entry);
    return [why, own].flatMap((text) => (text ? [violation(6, `op ${op}, a read on ${process}: ${text}`, collection, id)] : []));
  });
}

/** In which stores a revision of a document was given to its author; none: while one was lost. */
function toldIn(model: Model): Map<string, Set<number>> {
  const told = new Map<string, Set<number>>();
  for (const write of model.writes()) {
    const { asked, answer } = write;
    const store = model.stores.of(write);
    if (typeof answer.revision !== "number") continue;
    const collection = asked.kind === "upload" ? "resources" : asked.collection;
    const key = `${collection}/${answer.id ?? asked.id} ${answer.revision}`;
    const stores = told.get(key) ?? new Set();
    if (store !== undefined) stores.add(store);
    told.set(key, stores);
  }
  return told;
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
    if (!entry?.marks.includes(asked.mark) && !wentWithItsStore(model, asked.mark)) {
      // From the outbox into the store, and the replica of a new life may not have caught up with that yet.
      const stored = model.marked.has(asked.mark) && life !== read.life;
      if (!stored)
        return `without ${asked.mark}, which it had ${outcome === "queued" ? "taken into its outbox" : "acknowledged"}`;
    }
  }
  return undefined;
}

/** Nobody had it when its store was lost, or it was kept aside because another store is followed. */
function wentWithItsStore(model: Model, mark: string): boolean {
  const first = model.marked.get(mark)?.[0];
  return first !== undefined && (model.stores.mayBeLost(first) || model.isAside(mark));
}
