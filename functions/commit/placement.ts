/** Where an edit of a collection is decided: on its document alone, or on a view of several, and which document a new one is. */
import { idOf, parseStoreSubject, storeSubject } from "../../bus/wire/subjects.ts";
import { type Doc, documentId } from "../../schemas/document.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import type { Rules } from "../rules/define.ts";
import { type Scope, type View, wholeCollection } from "../store/views.ts";
import type { Asked, Edit } from "./decide.ts";

/** What has to be looked at together to decide an edit; undefined: its document alone. */
export function scopeOf(schema: CollectionSchema, rules: Rules | undefined, edit: Asked): Scope | undefined {
  const { collection } = schema;
  if (rules?.check) return wholeCollection(collection);
  if (edit.id !== undefined || edit.what.op !== "put") return undefined;
  return rules?.slots ? rules.slots.scope(edit.what.doc, schema) : wholeCollection(collection);
}

/** The document that a mutation has made before, when this is its retry. */
export function madeBefore(view: View, { mutation }: Asked): { id: string; revision: number } | undefined {
  const made = [...view.held.values()].find(({ envelope }) => envelope?.origin === mutation);
  // Its body may be gone: it may be deleted by now.
  return made && { id: idOf(parseStoreSubject(made.subject).token, made.envelope?.id), revision: made.revision };
}

/** The edit with the id that the datastore gives: the number after the highest that there has ever been, at least `least`, or what the rules choose. */
export function placed(schema: CollectionSchema, rules: Rules | undefined, edit: Asked, view: View, least: number): Edit {
  if (edit.id !== undefined) return { ...edit, id: edit.id };
  const field = schema.allocates;
  if (field === undefined || edit.what.op !== "put")
    throw new FrontsyncError("BAD_ID", "An edit names no document.", { path: "/id" });
  const number = rules?.slots
    ? rules.slots.choose(edit.what.doc, view, schema)
    : Math.max(highest(schema, field, view) + 1, least);
  const doc: Doc = { ...edit.what.doc, [field]: number };
  // That there is no such document is so, whatever was in its place.
  const { ifRevision, base } = edit;
  return {
    ...edit,
    id: documentId(schema, doc),
    what: { op: "put", doc },
    origin: edit.mutation,
    ifRevision: ifRevision === 0 ? undefined : ifRevision,
    base: base === 0 ? undefined : base,
  };
}

/** Tombstones count: a number is never given twice. */
export function highest(schema: CollectionSchema, field: string, view: View): number {
  const numbers = [...view.held.values()].map(({ subject, doc }) => {
    const number = doc ? doc[field] : subject.slice(storeSubject(schema.collection, "").length);
    return Number(number) || 0;
  });
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}
