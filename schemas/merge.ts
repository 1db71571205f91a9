/** The three-way merge by field. An edit travels as its single changes, each with the value that it found and the one that it left, so
 *  the merge needs no old version of the document.
 *
 *  A change's path is a JSON pointer. In an array of objects that all have an `id` a step names an element by it (`/panels/~:cpu/title`;
 *  `~#7` for a number), and the last step `~order` stands for the ids in their order. Any other array is one value. */
import { isDeepStrictEqual } from "node:util";
import { type Doc, escapePointer, isObject } from "./document.ts";
import { elementStep, elementsOf, mergeOrder } from "./elements.ts";
import type { FieldChange } from "./types.ts";

const ORDER = "~order";

/** The changes that make `next` of `base`. */
export function diff(base: Doc, next: Doc): FieldChange[] {
  const changes: FieldChange[] = [];
  collectFields(base, next, "", changes);
  return changes;
}

function collectFields(base: Doc, next: Doc, at: string, changes: FieldChange[]): void {
  for (const name of new Set([...Object.keys(base), ...Object.keys(next)]))
    collect(read(base, name), read(next, name), `${at}/${escapePointer(name)}`, changes);
}

function collect(old: Held, now: Held, path: string, changes: FieldChange[]): void {
  const elements = elementsOf(old.value);
  const elementsNow = elements && elementsOf(now.value);
  if (isObject(old.value) && isObject(now.value)) collectFields(old.value, now.value, path, changes);
  else if (elementsNow) collectElements(elements, elementsNow, path, changes);
  else if (!isDeepStrictEqual(old, now))
    changes.push({ path, ...(old.there && { old: old.value }), ...(now.there && { new: now.value }) });
}

function collectElements(old: Map<string, Doc>, now: Map<string, Doc>, at: string, changes: FieldChange[]): void {
  for (const step of new Set([...old.keys(), ...now.keys()]))
    collect(element(old, step), element(now, step), `${at}/${step}`, changes);
  const left = [...old.keys()].filter((step) => now.has(step));
  if (!isDeepStrictEqual(left, [...now.keys()])) changes.push({ path: `${at}/${ORDER}`, old: idsOf(old), new: idsOf(now) });
}

/** Applies an edit to a document that has moved on since the edit's base. A change conflicts when the field, or element, has neither the
 *  value that the edit found nor the one that it wants; then `doc` must not be used. Orders never conflict. */
export function merge(current: Doc, edit: readonly FieldChange[]): { doc: Doc; conflicts: string[] } {
  const doc = structuredClone(current);
  const lists = new Lists();
  const conflicts = edit.filter((change) => !applyChange(doc, change, lists)).map(({ path }) => path);
  lists.write();
  return { doc, conflicts };
}

function applyChange(doc: Doc, change: FieldChange, lists: Lists): boolean {
  const steps = change.path.split("/").slice(1);
  const last = steps.pop();
  if (last === undefined) return false;
  let parent: unknown = doc;
  for (const step of steps) {
    const place = placeIn(parent, step, lists);
    if (!place?.here.there) return false;
    parent = place.here.value;
  }
  const [old, next] = [read(change, "old"), read(change, "new")];
  if (last === ORDER) return lists.of(parent)?.reorder(old.value, next.value) ?? false;
  const place = placeIn(parent, last, lists);
  if (!place) return false;
  if (isDeepStrictEqual(place.here, next)) return true;
  return isDeepStrictEqual(place.here, old) && place.set(next);
}

/** A value, or that there is none. */
interface Held {
  there: boolean;
  value?: unknown;
}

/** A field, or an element, that a step leads to. `set` is false for what can't be there. */
interface Place {
  here: Held;
  set(next: Held): boolean;
}

/** undefined: the parent is nothing that such a step leads into. */
function placeIn(parent: unknown, step: string, lists: Lists): Place | undefined {
  const isName = !/^~[^01]/.test(step);
  if (isObject(parent)) return isName ? fieldIn(parent, unescapePointer(step)) : undefined;
  const elements = isName ? undefined : lists.of(parent)?.elements;
  return elements && elementIn(elements, step);
}

function fieldIn(parent: Doc, name: string): Place {
  return {
    here: read(parent, name),
    set({ there, value }) {
      // Defined, not assigned: a field may be called `__proto__`.
      if (there) Object.defineProperty(parent, name, { value, enumerable: true, writable: true, configurable: true });
      else delete parent[name];
      return true;
    },
  };
}

function elementIn(elements: Map<string, Doc>, step: string): Place {
  return {
    here: element(elements, step),
    set({ there, value }) {
      if (!there) return elements.delete(step);
      if (!isObject(value) || elementStep(value.id) !== step) return false;
      elements.set(step, value);
      return true;
    },
  };
}

/** The arrays of a document whose elements are merged one by one. */
class Lists {
  readonly #lists = new Map<unknown, List>();

  of(array: unknown): List | undefined {
    const known = this.#lists.get(array);
    if (known) return known;
    const elements = elementsOf(array);
    const list = elements && new List(array as unknown[], elements);
    if (list) this.#lists.set(array, list);
    return list;
  }

  /** Puts into the arrays what their elements have become. */
  write(): void {
    for (const list of this.#lists.values()) list.write();
  }
}

class List {
  readonly elements: Map<string, Doc>;
  readonly #array: unknown[];
  readonly #theirs: string[];
  #mine: { base: string[]; order: string[] } | undefined;

  constructor(array: unknown[], elements: Map<string, Doc>) {
    this.#array = array;
    this.elements = elements;
    this.#theirs = [...elements.keys()];
  }

  /** False: these are no lists of ids. */
  reorder(old: unknown, next: unknown): boolean {
    const [base, order] = [stepsOf(old), stepsOf(next)];
    if (!base || !order) return false;
    this.#mine = { base, order };
    return true;
  }

  write(): void {
    const there = (steps: string[]) => steps.filter((step) => this.elements.has(step));
    const { base, order } = this.#mine ?? { base: [], order: [] };
    const merged = this.#mine ? mergeOrder(base, there(order), there(this.#theirs)) : [];
    this.#array.length = 0;
    for (const step of new Set([...merged, ...this.elements.keys()])) this.#array.push(this.elements.get(step));
  }
}

function element(elements: Map<string, Doc>, step: string): Held {
  return elements.has(step) ? { there: true, value: elements.get(step) } : { there: false };
}

function idsOf(elements: Map<string, Doc>): unknown[] {
  return [...elements.values()].map(({ id }) => id);
}

function stepsOf(ids: unknown): string[] | undefined {
  const steps = Array.isArray(ids) ? ids.map(elementStep) : [undefined];
  return steps.every((step) => step !== undefined) ? steps : undefined;
}

function read(holder: object, name: string): Held {
  return Object.hasOwn(holder, name) ? { there: true, value: (holder as Doc)[name] } : { there: false };
}

function unescapePointer(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}
