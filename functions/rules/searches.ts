import { storeSubject } from "../../bus/wire/subjects.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import type { Search } from "../../schemas/types.ts";
import type { Scope } from "../store/views.ts";
import { defineRules, type RuleSettings, type Rules } from "./define.ts";

const SEARCHES = "searches";

/** A new entry takes the place of the same search before, else a free place, else that of the oldest: so the history has an end, nothing is in it
 *  twice, and what falls out leaves no tombstone. */
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
        return entries.reduce((oldest, entry) => (entry.revision < oldest.revision ? entry : oldest)).slot;
      },
    },
  });

/** All places of a user's history that the schema has: also those that were used when it kept more. */
export function historyOf({ fields }: CollectionSchema, uid: number): Scope {
  return placesOf(uid, Number(fields.slot?.maximum) + 1);
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
