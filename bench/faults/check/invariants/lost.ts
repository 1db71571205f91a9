/** 1: no acknowledged mutation is lost. A write is known by its mark: it must have been in the store, or, when it had waited, be among the dead
 *  letters or the conflict copies. What was in the store must not be gone from it. */
import type { Version } from "../history.ts";
import type { Model, Operation, Write } from "../model.ts";
import { type Violation, violation } from "../violation.ts";

const CONFLICTS = "conflicts";

export function lost(model: Model): Violation[] {
  const found: Violation[] = [];
  for (const operation of model.writes()) {
    if (operation.outcome !== "acknowledged" && operation.outcome !== "queued") continue;
    const { asked, answer } = operation;
    const collection = asked.kind === "upload" ? "resources" : asked.collection;
    const id = answer.id || asked.id || "";
    const why = asked.kind === "delete" ? lostDeletion(model, operation, asked) : lostMark(model, operation, asked, collection);
    if (why === undefined) continue;
    const how = operation.outcome === "queued" ? "into the outbox" : `as revision ${answer.revision}`;
    found.push(
      violation(1, `op ${operation.op} (${asked.kind} of ${collection}/${id}) was acknowledged ${how}, ${why}`, collection, id),
    );
  }
  return found;
}

function lostMark(
  model: Model,
  operation: Operation,
  asked: Exclude<Write, { kind: "delete" }>,
  collection: string,
): string | undefined {
  const all = model.marked.get(asked.mark) ?? [];
  const own = all.filter((version) => version.collection === collection);
  if (own.length === 0) {
    if (operation.outcome === "queued" && isKept(model, operation, all)) return undefined;
    return model.isComplete(collection) ? "and is not in the store" : undefined;
  }
  const { revision } = operation.answer;
  const first = own[0] as Version;
  const told = typeof revision === "number" && model.stores.of(operation) === (first.store ?? 0) ? revision : first.revision;
  if (told < first.revision && model.isComplete(collection)) return `and is in the store as ${first.revision} only`;
  const newest = own.at(-1) as Version;
  const stays = asked.kind !== "upload" && (asked.role === "log" || asked.role === "lasting");
  return whyGone(model, newest, asked.mark, stays);
}

/** `stays`: the mark must be in the document at the end. */
function whyGone(model: Model, newest: Version, mark: string, stays: boolean): string | undefined {
  const { stores } = model;
  const wasLost = (newest.store ?? 0) < stores.last;
  if (wasLost && (stores.mayBeLost(newest) || model.isAside(mark))) return undefined;
  const stored = model.stored.get(newest.subject);
  if (!model.survives(newest)) {
    // Of a document that is given up the last version is kept aside.
    if (wasLost && !stays && stores.isGivenUp(newest.store)) return undefined;
    return `and was in the store as ${newest.revision}, which now ends with ${stored?.revision ?? "nothing"}`;
  }
  if (!stays || stored?.marks.includes(mark)) return undefined;
  const swallowed = model.log
    .get(newest.subject)
    ?.find(({ revision, store, marks }) => isAfter({ revision, store }, newest) && !marks.includes(mark));
  return `and is no longer in the document: gone with revision ${swallowed?.revision ?? stored?.revision}`;
}

function isAfter(one: Pick<Version, "revision"> & { store: number | undefined }, other: Version): boolean {
  return (one.store ?? 0) - (other.store ?? 0) > 0 || (one.store === other.store && one.revision > other.revision);
}

function lostDeletion(model: Model, operation: Operation, asked: Extract<Write, { kind: "delete" }>): string | undefined {
  const { collection, id } = asked;
  const versions = model.versionsOf(collection, id);
  const { revision, mutationId } = operation.answer;
  const tombstone = versions.find((version) => version.deleted && version.mutation === mutationId);
  if (tombstone) {
    if (model.survives(tombstone)) return undefined;
    if ((tombstone.store ?? 0) < model.stores.last && model.stores.isGivenUp(tombstone.store)) return undefined;
    return `and its tombstone ${tombstone.revision} is gone from the store`;
  }
  if (operation.outcome === "queued" && isKept(model, operation, [])) return undefined;
  if (!model.isComplete(collection)) return undefined;
  // One that came before it has deleted the document, and says so.
  const answered = typeof revision === "number" && versions.some((version) => version.deleted && version.revision <= revision);
  return answered ? undefined : "and there is no tombstone of it";
}

/** A write that had waited and was refused: where its author finds it. */
function isKept(model: Model, { answer, asked }: Operation, marked: readonly Version[]): boolean {
  const { mutationId } = answer;
  if (model.finals.some(({ deadLetters }) => deadLetters.some((letter) => letter.mutationId === mutationId))) return true;
  if (marked.some(({ collection }) => collection === CONFLICTS)) return true;
  if (asked.kind !== "delete") return false;
  return [...model.log.values()].some(
    ([first]) => first?.collection === CONFLICTS && copyIsOf(first, asked.collection, asked.id),
  );
}

function copyIsOf({ body }: Version, collection: string, id: string): boolean {
  const copy = JSON.parse(body || "{}") as { collection?: string; docId?: string; losing?: unknown };
  return copy.collection === collection && copy.docId === id && copy.losing === null;
}
