/** Mutation ids, and what a version remembers of them. An id of a webserver's own is `<webserver>.<incarnation>.<n>` with n rising: its
 *  source is `<webserver>.<incarnation>`, and one number for each source remembers all of its mutations of a document, for ever. An id
 *  of the caller's choice is remembered as it is, as long as fewer than MAX_OWN_IDS later ones reach the document. */

const MAX_SOURCES = 64;
const MAX_OWN_IDS = 32;
const OF_SOURCE = /^([A-Za-z0-9_-]{1,64})\.([a-z0-9]{1,13})\.(\d{1,16})$/;

export function mutationId(webserver: string, incarnation: string, n: number): string {
  return `${webserver}.${incarnation}.${n}`;
}

/** Whether a mutation is in the version that carries `seen`. */
export function hasSeen(seen: string, mutation: string): boolean {
  if (seen === "") return false;
  const entries = seen.split(" ");
  if (entries.includes(`~${mutation}`)) return true;
  const parts = OF_SOURCE.exec(mutation);
  if (!parts) return false;
  const source = `${parts[1]}.${parts[2]}=`;
  const entry = entries.find((candidate) => candidate.startsWith(source));
  return entry !== undefined && Number(parts[3]) <= Number(entry.slice(source.length));
}

/** `seen` with one mutation more. Only a webserver's own numbers raise its mark: of another's, the exact id is remembered, and so nobody
 *  can mark a whole range as done. That one id does count as seen, whoever sent it: a retry on another webserver needs it. The longest
 *  untouched sources and ids go first. */
export function addSeen(seen: string, mutation: string, webserver: string): string {
  const entries = seen === "" ? [] : seen.split(" ");
  const parts = OF_SOURCE.exec(mutation);
  if (!parts || parts[1] !== webserver) return keep(entries, `~${mutation}`, true, MAX_OWN_IDS);
  const source = `${parts[1]}.${parts[2]}=`;
  return keep(
    entries.filter((entry) => !entry.startsWith(source)),
    source + parts[3],
    false,
    MAX_SOURCES,
  );
}

/** What one or the other has seen: of a version that takes the place of another one that it does not come from. */
export function joinSeen(held: string, added: string): string {
  const marks = new Map<string, string>();
  for (const entry of `${held} ${added}`.split(" ")) {
    const at = entry.startsWith("~") ? entry.length : entry.lastIndexOf("=");
    if (at <= 0) continue;
    const [source, mark] = [entry.slice(0, at), entry.slice(at + 1)];
    const known = marks.get(source);
    marks.delete(source);
    marks.set(source, known !== undefined && Number(known) > Number(mark) ? known : mark);
  }
  const own = [...marks.keys()].filter((source) => source.startsWith("~")).slice(-MAX_OWN_IDS);
  const sources = [...marks].filter(([source]) => !source.startsWith("~")).slice(-MAX_SOURCES);
  return [...sources.map(([source, mark]) => `${source}=${mark}`), ...own].join(" ");
}

function keep(entries: string[], added: string, own: boolean, limit: number): string {
  if (entries.length === 0) return added;
  const alike = entries.filter((entry) => entry.startsWith("~") === own);
  const dropped = new Set(alike.slice(0, Math.max(0, alike.length + 1 - limit)));
  return [...entries.filter((entry) => !dropped.has(entry)), added].join(" ");
}
