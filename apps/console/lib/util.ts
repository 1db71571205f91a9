/** What schemas/merge.ts takes from node:util, for a browser: the values that it compares are of JSON. */
export function isDeepStrictEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b))
    return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every(
    (name) =>
      Object.hasOwn(b, name) && isDeepStrictEqual((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]),
  );
}
