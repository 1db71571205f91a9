import { storeSubject } from "../../bus/wire/subjects.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import type { Search } from "../../schemas/types.ts";
import type { Scope } from "../store/views.ts";
import { defineRules, type RuleSettings, type Rules } from "./define.ts";

const SEARCHES = "searches";

/** A new entry takes the place of the same search before, else a free place, else that of the oldest: so the history has an end, nothing is in it
 *  twice, and what falls out leaves no tombstone. How old one is goes by when it ran: what comes from a webserver that was without contact came late. */
export default ({ maxSearchHistory }: RuleSettings): Rules =>
  defineRules({
    collection: SEARCHES,
    slots: {
      scope: ({ uid }) => placesOf(uid as number, maxSearchHistory),
      choose(doc, { held }) {
        const { uid, userQuery, effectiveQuery } = doc as unknown as Search;
        const places = upTo(maxSearchHistory).map((slot) => ({ slot, held: held.get(subject(uid, slot)) }));
        const entries = places.flatMap(({ slot, held: at }) =>
          at?.doc ? [{ slot, revision: at.revision, doc: at.doc as unknown as Search }] : [],
        );
        const same = entries.find(({ doc: entry }) => entry.userQuery === userQuery && entry.effectiveQuery === effectiveQuery);
        if (same) return same.slot;
        const free = places.find(({ held: at }) => !at?.doc);
        if (free) return free.slot;
        return entries.reduce((oldest, entry) => (isOlder(entry, oldest) ? entry : oldest)).slot;
      },
      stays({ launched }, before) {
        const [late, held] = [timeOf(launched), timeOf(before.launched)];
        return late !== undefined && held !== undefined && late < held;
      },
    },
  });

/** All places of a user's history that the schema has: also those that were used when it kept more. */
export function historyOf({ fields }: CollectionSchema, uid: number): Scope {
  return placesOf(uid, Number(fields.slot?.maximum) + 1);
}

interface Entry {
  revision: number;
  doc: Search;
}

function isOlder(one: Entry, other: Entry): boolean {
  return (ranAt(one) - ranAt(other) || one.revision - other.revision) < 0;
}

/** Nothing ran later than it was stored, whatever its webserver's clock said. */
function ranAt({ doc: { launched, updatedAt } }: Entry): number {
  const stored = timeOf(updatedAt) ?? 0;
  return Math.min(timeOf(launched) ?? stored, stored);
}

function timeOf(time: unknown): number | undefined {
  const ms = typeof time === "string" ? Date.parse(time) : Number.NaN;
  return Number.isFinite(ms) ? ms : undefined;
}

function placesOf(uid: number, count: number): Scope {
  return { collection: SEARCHES, key: `${SEARCHES}/${uid}`, subjects: upTo(count).map((slot) => subject(uid, slot)) };
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, slot) => slot);
}

function subject(uid: number, slot: number): string {
  return storeSubject(SEARCHES, `${uid}/${slot}`);
}
