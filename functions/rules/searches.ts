import { storeSubject } from "../../bus/wire/subjects.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import type { Search } from "../../schemas/types.ts";
import type { Scope } from "../store/views.ts";
import { defineRules } from "./define.ts";

const SEARCHES = "searches";

/** A new entry takes the place of the same search before, else a free place, else that of the oldest: so the history has an end, nothing is in it
 *  twice, and what falls out leaves no tombstone. */
export default defineRules({
  collection: SEARCHES,
  slots: {
    scope: ({ uid }, schema) => historyOf(schema, uid as number),
    choose(doc, { held }, schema) {
      const { uid, userQuery, effectiveQuery } = doc as unknown as Search;
      const places = slots(schema).map((slot) => ({ slot, held: held.get(subject(uid, slot)) }));
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
export function historyOf(schema: CollectionSchema, uid: number): Scope {
  return { collection: SEARCHES, key: `${SEARCHES}/${uid}`, subjects: slots(schema).map((slot) => subject(uid, slot)) };
}

/** The schema's range for a place is how many entries a history keeps. */
function slots({ fields }: CollectionSchema): number[] {
  return Array.from({ length: Number(fields.slot?.maximum) + 1 }, (_, slot) => slot);
}

function subject(uid: number, slot: number): string {
  return storeSubject(SEARCHES, `${uid}/${slot}`);
}
