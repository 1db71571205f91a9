import { storeSubject } from "../../bus/wire/subjects.ts";
import type { Search } from "../../schemas/types.ts";
import type { Scope } from "../store/views.ts";
import { defineRules } from "./define.ts";

const SEARCHES = "searches";
/** Entries that a user's history keeps (Max-Search-History of the product). */
const MAX_ENTRIES = 100;

/** A new entry takes the place of the same search before, else a free place, else that of the oldest: so the history has an end, nothing is in it
 *  twice, and what falls out leaves no tombstone. */
export default defineRules({
  collection: SEARCHES,
  slots: {
    scope: ({ uid }) => historyOf(uid as number),
    choose(doc, { held }) {
      const { uid, userQuery, effectiveQuery } = doc as unknown as Search;
      const places = slots().map((slot) => ({ slot, held: held.get(subject(uid, slot)) }));
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

/** All places of a user's history. */
export function historyOf(uid: number): Scope {
  return { collection: SEARCHES, key: `${SEARCHES}/${uid}`, subjects: slots().map((slot) => subject(uid, slot)) };
}

function slots(): number[] {
  return Array.from({ length: MAX_ENTRIES }, (_, slot) => slot);
}

function subject(uid: number, slot: number): string {
  return storeSubject(SEARCHES, `${uid}/${slot}`);
}
