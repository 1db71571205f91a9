/** Mutation ids, and what a version remembers of them. An id of a webserver's own is `<webserver>.<incarnation>.<n>` with n rising: its
 *  source is `<webserver>.<incarnation>`, and one number for each source remembers all of its mutations of a document, for ever. An id
 *  of the caller's choice is remembered as long as fewer than MAX_OWN_IDS later ones reach the document: the last few as they are, older
 *  ones by a short hash. */
import { sha256 } from "./digest.ts";

const MAX_SOURCES = 64;
const MAX_OWN_IDS = 256;
/** As they are: the version before knows no hashes. */
const MAX_WHOLE = 32;
const HASH_CHARACTERS = 8;
/** No id has this character. */
const HASHED = "~=";
/** What messages may carry, and of that what the longest sources take. */
const MAX_LENGTH = 12_000;
const SOURCES_LENGTH = MAX_SOURCES * 96;
const OF_SOURCE = /^([A-Za-z0-9_-]{1,64})\.([a-z0-9]{1,13})\.(\d{1,16})$/;

export function mutationId(webserver: string, incarnation: string, n: number): string {
  return `${webserver}.${incarnation}.${n}`;
}

/** Whether a mutation is in the version that carries `seen`. */
export function hasSeen(seen: string, mutation: string): boolean {
  if (seen === "") return false;
  const entries = seen.split(" ");
  if (entries.includes(`~${mutation}`)) return true;
  if (seen.includes(HASHED) && entries.includes(hashed(mutation))) return true;
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
  if (!parts || parts[1] !== webserver) return joined([...entries, `~${mutation}`]);
  const source = `${parts[1]}.${parts[2]}=`;
  const known = entries.find((entry) => entry.startsWith(source));
  // A new document may take the place of one that has seen later numbers.
  const mark = known === undefined ? Number(parts[3]) : Math.max(Number(parts[3]), Number(known.slice(source.length)));
  return keep(
    entries.filter((entry) => entry !== known),
    source + mark,
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
  const own = [...marks.keys()].filter(isOwn);
  const sources = [...marks].filter(([source]) => !isOwn(source)).slice(-MAX_SOURCES);
  return joined([...sources.map(([source, mark]) => `${source}=${mark}`), ...own]);
}

/** With one source more. */
function keep(entries: string[], added: string): string {
  if (entries.length === 0) return added;
  const sources = entries.filter((entry) => !isOwn(entry));
  const dropped = new Set(sources.slice(0, Math.max(0, sources.length + 1 - MAX_SOURCES)));
  return [...entries.filter((entry) => !dropped.has(entry)), added].join(" ");
}

/** The sources; callers' ids as hashes; and the last ones as they are. A handler of the version before drops the first of the ids. */
function joined(entries: readonly string[]): string {
  const own = entries.filter(isOwn);
  const whole = own.filter((entry) => !entry.startsWith(HASHED));
  const old = whole.splice(0, Math.max(0, whole.length - MAX_WHOLE)).map((entry) => hashed(entry.slice(1)));
  // In two memories that are joined one may be a hash here and whole there.
  const hashes = [...new Set([...own.filter((entry) => entry.startsWith(HASHED)), ...old])];
  const left = MAX_LENGTH - SOURCES_LENGTH - whole.join(" ").length;
  const room = Math.min(MAX_OWN_IDS - MAX_WHOLE, Math.floor(left / (HASHED.length + HASH_CHARACTERS + 1)));
  return [...entries.filter((entry) => !isOwn(entry)), ...hashes.slice(-room), ...whole].join(" ");
}

function isOwn(entry: string): boolean {
  return entry.startsWith("~");
}

function hashed(mutation: string): string {
  return HASHED + sha256(mutation).toString("base64url").slice(0, HASH_CHARACTERS);
}
