/** The document `_meta.seeding`, and what becomes of it. Pure. */
import type { Seeding } from "../../schemas/types.ts";

/** Numbers that the datastore gives go on so far above the highest one that is known: others may have been given, and lost. */
export const NUMBERS_APART = 10_000;
const MAX_AWAITED = 1000;
const MAX_RENAMED = 100;

/** `newest`: the latest commit times that webservers have told; a clock may have been ahead. */
export function opened(
  { id, word, from, next }: Pick<Seeding, "id" | "word" | "from" | "next">,
  webservers: readonly string[],
  now: number,
  newest: readonly (string | undefined)[] = [],
): Seeding {
  const until = time(Math.max(now, ...newest.map((at) => (at === undefined ? 0 : Date.parse(at) + 1))));
  const waiting = Object.fromEntries(webservers.slice(0, MAX_AWAITED).map((webserver) => [webserver, false]));
  return { id, word, open: true, from, until, openedAt: time(now), webservers: waiting, next, renamed: [] };
}

/** A webserver is about to offer, and knows of others. undefined: that was known. */
export function begun(record: Seeding, webserver: string, peers: readonly string[]): Seeding | undefined {
  if (!record.open) return undefined;
  const others = peers.filter((peer) => record.webservers[peer] === undefined);
  if (record.webservers[webserver] === false && others.length === 0) return undefined;
  const known = Object.entries(record.webservers).filter(([name]) => name !== webserver);
  const all = [[webserver, false] as const, ...known, ...others.map((peer) => [peer, false] as const)];
  return { ...record, webservers: Object.fromEntries(all.slice(0, MAX_AWAITED)) };
}

/** A webserver has offered everything. undefined: nobody waits for it. */
export function offered(record: Seeding, webserver: string): Seeding | undefined {
  if (!record.open || record.webservers[webserver] === true) return undefined;
  return { ...record, webservers: { ...record.webservers, [webserver]: true } };
}

/** Whether webservers may still offer what they have: who is late is heard as long as deletions are remembered (`lateMs`), and they are remembered as long
 *  as somebody may come. What is offered after that could bring back what was deleted. */
export function takesOffers({ word, open, openedAt }: Seeding, now: number, lateMs: number): boolean {
  return word !== "replace" && (open || now - Date.parse(openedAt) < lateMs);
}

/** Whom it waits for. */
export function waitingFor({ webservers }: Seeding): string[] {
  return Object.keys(webservers).filter((webserver) => !webservers[webserver]);
}

/** `highest`: of the collections whose numbers the datastore gives. */
export function closed(record: Seeding, highest: Readonly<Record<string, number>>, now: number): Seeding {
  const next = { ...record.next };
  for (const [collection, most] of Object.entries(highest))
    next[collection] = Math.max(next[collection] ?? 0, most + NUMBERS_APART);
  return { ...record, open: false, closedAt: time(now), next };
}

export function withRenamed(record: Seeding, renamed: Seeding["renamed"]): Seeding | undefined {
  const known = new Set(record.renamed.map(({ uid }) => uid));
  const added = renamed.filter(({ uid }) => !known.has(uid));
  if (added.length === 0 || record.renamed.length >= MAX_RENAMED) return undefined;
  return { ...record, renamed: [...record.renamed, ...added].slice(0, MAX_RENAMED) };
}

function time(now: number): string {
  return new Date(now).toISOString();
}
