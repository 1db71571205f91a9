/** 7: nothing deleted comes back. 8: nothing is deleted that nobody has asked to be deleted. */
import type { Version } from "../history.ts";
import type { Model } from "../model.ts";
import { type Violation, violation } from "../violation.ts";

export function deleted(model: Model): Violation[] {
  return [...oldMarksBack(model), ...goneIsBack(model)];
}

/** After a tombstone there may be a new document in its place, but nothing of the old one. */
function oldMarksBack(model: Model): Violation[] {
  const found: Violation[] = [];
  for (const versions of model.log.values()) {
    const buried = new Map<string, number>();
    let before: Version | undefined;
    for (const version of versions) {
      // A store that was put back begins with what it had.
      if ((before?.store ?? 0) !== (version.store ?? 0)) buried.clear();
      if (version.deleted) for (const mark of before?.marks ?? []) buried.set(mark, version.revision);
      const back = version.marks.find((mark) => buried.has(mark));
      if (back !== undefined) {
        const { collection, id, revision } = version;
        found.push(violation(7, `${back}, deleted by ${buried.get(back)}, is back in ${revision}`, collection, id));
        break;
      }
      before = version;
    }
  }
  return found;
}

/** What nobody has made again since it was deleted. */
function goneIsBack(model: Model): Violation[] {
  const found: Violation[] = [];
  for (const { asked, outcome, answer } of model.writes()) {
    if (asked.kind !== "delete" || asked.role !== "gone" || outcome !== "acknowledged") continue;
    const { collection, id } = asked;
    if (isForgotten(model, collection, id, answer.mutationId)) continue;
    const stored = model.storedOf(collection, id);
    if (stored && !stored.deleted)
      found.push(violation(7, `deleted as ${answer.revision}, and stored as ${stored.revision}`, collection, id));
    for (const { process, rows } of model.finals)
      if (rows[collection]?.some((row) => row.id === id))
        found.push(violation(7, `deleted as ${answer.revision}, and shown by ${process}`, collection, id));
  }
  return found;
}

/** A deletion that went with its store: nobody else had it, or webservers were told to follow an older one. */
function isForgotten(model: Model, collection: string, id: string, mutationId: string | undefined): boolean {
  const tombstone = model.versionsOf(collection, id).find((one) => one.deleted && one.mutation === mutationId);
  const { stores } = model;
  return tombstone !== undefined && (stores.mayBeLost(tombstone) || stores.isGivenUp(tombstone.store));
}

export function inferred(model: Model): Violation[] {
  const asked = new Set<string>();
  const cleared = new Set<string>();
  for (const { asked: what } of model.operations.values()) {
    if (what.kind === "delete") asked.add(`${what.collection}/${what.id}`);
    if (what.kind === "call" && what.name === "searches.clear") cleared.add(String((what.request as { uid?: number }).uid));
  }
  const found: Violation[] = [];
  const tombstones = new Map<string, Set<number>>();
  for (const versions of model.log.values()) {
    for (const { collection, id, revision, deleted: gone, mutation } of versions) {
      if (!gone || collection.startsWith("_")) continue;
      const key = `${collection}/${id}`;
      tombstones.set(key, (tombstones.get(key) ?? new Set()).add(revision));
      const isCleared = collection === "searches" && cleared.has(id.split("/")[0] ?? "");
      if (!asked.has(key) && !isCleared)
        found.push(violation(8, `${revision} (${mutation}) deletes what nobody asked to be deleted`, collection, id));
    }
  }
  for (const entry of model.entries) {
    if (entry.type !== "change" || !entry.deleted) continue;
    const { process, collection, id, revision } = entry;
    const known = tombstones.get(`${collection}/${id}`)?.has(revision);
    if (!known && model.isComplete(collection))
      found.push(
        violation(8, `${process} told that ${revision} deletes it, and the store has no such tombstone`, collection, id),
      );
  }
  return found;
}
