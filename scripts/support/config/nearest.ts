/** Steps from one text to another, each a character added, left out or changed; more than that is another word. */
const MAX_STEPS = 3;
/** What is longer is no slip of the finger. */
const MAX_LENGTH = 64;

/** ` (did you mean X?)`, or nothing when no name is near. */
export function nearest(text: string, names: readonly string[]): string {
  if (text.length > MAX_LENGTH) return "";
  const [best] = names
    .map((name) => ({ name, steps: distance(text.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.steps - b.steps);
  return best && best.steps <= MAX_STEPS ? ` (did you mean ${best.name}?)` : "";
}

/** Levenshtein's, row by row. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, character] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const change = (row[j] ?? 0) + (b[j] === character ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
