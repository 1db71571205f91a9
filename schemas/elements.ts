/** Arrays of objects that all have an `id`: they are merged element by element, whatever their places. Pure. */
import { type Doc, escapePointer, isObject } from "./document.ts";

/** Longer ids make no element of its own: each change of one carries its id in its path. */
const MAX_ID_LENGTH = 256;

/** An element's step in the path of a change: `~:` and its id, or `~#` and its number. No field's step begins like that, since a `~` in
 *  a name is escaped. undefined: this is no id. */
export function elementStep(id: unknown): string | undefined {
  if (typeof id === "string" && id.length <= MAX_ID_LENGTH) return `~:${escapePointer(id)}`;
  return Number.isSafeInteger(id) ? `~#${id}` : undefined;
}

/** The elements by their steps, in order; undefined: the array is one value. In an empty one no element is without an id. */
export function elementsOf(value: unknown): Map<string, Doc> | undefined {
  if (!Array.isArray(value)) return undefined;
  const elements = new Map<string, Doc>();
  for (const element of value) {
    const step = isObject(element) ? elementStep(element.id) : undefined;
    if (step === undefined || elements.has(step)) return undefined;
    elements.set(step, element);
  }
  return elements;
}

/** Two orders of what was one list, as one. Where both sides have two elements in the same order, so has the result; where only one side
 *  has changed their order, its order counts; what one side has added follows what it follows there. Which side is `mine` makes no
 *  difference, and merging the result again changes nothing. */
export function mergeOrder(base: readonly string[], mine: readonly string[], theirs: readonly string[]): Set<string> {
  const places = new Map(base.map((step, place) => [step, place]));
  const [inMine, inTheirs] = [new Set(mine), new Set(theirs)];
  const merged = new Set<string>();
  let last: string | undefined;

  /** Which of the two that come next, one on each side, is first. */
  function first(a: string, b: string): string {
    if (a === b) return a;
    const [added, addedThere] = [!inTheirs.has(a), !inMine.has(b)];
    if (added && addedThere) {
      // What one side has added in a row stays in a row.
      if (last !== undefined && !inTheirs.has(last)) return a;
      if (last !== undefined && !inMine.has(last)) return b;
      return a < b ? a : b;
    }
    if (added || addedThere) return added ? a : b;
    const [place, placeThere] = [places.get(a), places.get(b)];
    if (place === undefined || placeThere === undefined) return a < b ? a : b;
    // The two sides have them in different orders: the one that is not the base's was somebody's wish.
    return place < placeThere ? b : a;
  }

  for (let [at, there] = [0, 0]; at < mine.length || there < theirs.length; ) {
    const [a, b] = [mine[at], theirs[there]];
    if (a !== undefined && merged.has(a)) at++;
    else if (b !== undefined && merged.has(b)) there++;
    else {
      last = a === undefined ? (b as string) : b === undefined ? a : first(a, b);
      merged.add(last);
    }
  }
  return merged;
}
