/** What somebody sees: the system (no actor) everything, a user what is visible to them. */
import { type Actor, mayHaveRead, mayRead, seesAll, withoutSecrets } from "../schemas/access.ts";
import type { Doc } from "../schemas/document.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import type { CollectionSchema } from "../schemas/index.ts";
import type { Change } from "./api.ts";

/** What is told of a change, by the rights that somebody has now; undefined: nothing. Throws NOT_ALLOWED. */
export type Sight = () => Promise<(schema: CollectionSchema, change: Change<Doc>) => Change<Doc> | undefined>;

/** Of a user; undefined: of the system. */
export function sightOf(user: { actor(): Promise<Actor> } | undefined): Sight {
  return async () => {
    const actor = await user?.actor();
    return (schema, change) => seeChange(schema, actor, change);
  };
}

/** The document as it is shown; undefined: not at all. */
export function see(schema: CollectionSchema, actor: Actor | undefined, doc: Doc): Doc | undefined {
  if (!actor) return doc;
  return mayRead(schema, actor, doc) ? withoutSecrets(schema, doc) : undefined;
}

/** The change as it is told; undefined: not at all. What has become invisible looks deleted. */
export function seeChange(schema: CollectionSchema, actor: Actor | undefined, change: Change<Doc>): Change<Doc> | undefined {
  if (!actor) return change;
  const doc = change.doc && see(schema, actor, change.doc);
  if (doc) return { ...change, doc };
  const first = change.doc !== undefined && change.doc.createdAt === change.at;
  // Of a first version nobody has seen an earlier one, unless its id was used before.
  if (first || !mayHaveRead(schema, actor, change.id)) return undefined;
  return { ...change, op: "delete", doc: undefined };
}

/** The versions as they are told; undefined: not at all. Of a document of which none is to be seen, also when it was deleted, nobody else learns. */
export function seeVersions(
  schema: CollectionSchema,
  actor: Actor | undefined,
  versions: readonly Change<Doc>[],
): Change<Doc>[] | undefined {
  const seen = versions.flatMap((version) => seeChange(schema, actor, version) ?? []);
  const learns = !actor || seesAll(schema, actor) || seen.some(({ op }) => op === "put");
  return learns ? seen : undefined;
}

/** A refusal as it is shown: what is there now comes with a conflict. */
export function seeError(schema: CollectionSchema, actor: Actor, error: unknown): unknown {
  if (!(error instanceof FrontsyncError) || error.current === undefined) return error;
  const current = seeChange(schema, actor, error.current as Change<Doc>);
  return new FrontsyncError(error.code, error.message, { ...error, current });
}

/** The collection as a query may use it: to filter or sort by a secret would be to read it. */
export function queryable(schema: CollectionSchema, actor: Actor | undefined): CollectionSchema {
  if (!actor || schema.secret.length === 0) return schema;
  return { ...schema, indexes: schema.indexes.filter((field) => !schema.secret.includes(field)) };
}
