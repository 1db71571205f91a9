/** The three-way merge by field. An edit travels as its single changes, each with the value that it found and the one that it left, so
 *  the merge needs no old version of the document. Arrays are one value. */
import { isDeepStrictEqual } from "node:util";
import { type Doc, escapePointer, isObject } from "./document.ts";
import type { FieldChange } from "./types.ts";

/** The changes that make `next` of `base`. */
export function diff(base: Doc, next: Doc): FieldChange[] {
  const changes: FieldChange[] = [];
  collect(base, next, "", changes);
  return changes;
}

function collect(base: Doc, next: Doc, at: string, changes: FieldChange[]): void {
  for (const name of new Set([...Object.keys(base), ...Object.keys(next)])) {
    const path = `${at}/${escapePointer(name)}`;
    const had = Object.hasOwn(base, name);
    const has = Object.hasOwn(next, name);
    const [old, now] = [base[name], next[name]];
    if (had && has && isObject(old) && isObject(now)) collect(old, now, path, changes);
    else if (had !== has || !isDeepStrictEqual(old, now)) changes.push({ path, ...(had && { old }), ...(has && { new: now }) });
  }
}

/** Applies an edit to a document that has moved on since the edit's base. A change conflicts when the field has neither the value that
 *  the edit found nor the one that it wants; then `doc` must not be used. */
export function merge(current: Doc, edit: readonly FieldChange[]): { doc: Doc; conflicts: string[] } {
  const doc = structuredClone(current);
  const conflicts: string[] = [];
  for (const change of edit) {
    if (!applyChange(doc, change)) conflicts.push(change.path);
  }
  return { doc, conflicts };
}

function applyChange(doc: Doc, change: FieldChange): boolean {
  const steps = change.path
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = steps.pop();
  if (last === undefined) return false;
  let parent: unknown = doc;
  for (const step of steps) {
    if (!isObject(parent) || !Object.hasOwn(parent, step)) return false;
    parent = parent[step];
  }
  if (!isObject(parent)) return false;
  const [old, next] = [read(change, "old"), read(change, "new")];
  const here = read(parent, last);
  if (isDeepStrictEqual(here, next)) return true;
  if (!isDeepStrictEqual(here, old)) return false;
  // Defined, not assigned: a field may be called `__proto__`.
  if (next.there)
    Object.defineProperty(parent, last, { value: next.value, enumerable: true, writable: true, configurable: true });
  else delete parent[last];
  return true;
}

function read(holder: object, name: string): { there: boolean; value?: unknown } {
  return Object.hasOwn(holder, name) ? { there: true, value: (holder as Doc)[name] } : { there: false };
}
