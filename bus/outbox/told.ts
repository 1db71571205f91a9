/** A document as callers are told it, while writes of it wait. Who edits what they are told, under the revision that they are told, must never store what
 *  a write that is refused had made. */
import type { CollectionSchema } from "../../schemas/index.ts";
import type { Row } from "../replica/index.ts";
import { readEnvelope } from "../wire/envelope.ts";
import { type Shown, shown, type Wish } from "./request.ts";

/** With the writes on top that may still be stored on what is held, and the revision that these were made on, also when what is held has moved on. */
export function told(schema: CollectionSchema, row: Row | undefined, wishes: readonly Wish[]): Shown {
  if (wishes.length === 0) return shown(schema, row, wishes);
  const open = wishes.filter((wish, at) => row === undefined || !isOver(wish, at > 0, row));
  const now = shown(schema, row, open);
  const bases = open.flatMap((wish) => demanded(wish) ?? wish.kept?.base ?? []);
  return bases.length === 0 ? now : { ...now, revision: Math.min(...bases) };
}

/** Whether a write is in what is held, or will be refused because of that. `follows`: another one of its document is before it. */
function isOver(wish: Wish, follows: boolean, { revision, deleted, headers }: Row): boolean {
  const { kept, mutation } = wish;
  const wanted = demanded(wish);
  // What was made on the one before it will be asked for on what that becomes.
  if (wanted !== undefined) return revision > wanted && !(deleted && wanted === 0) && !(follows && kept?.chained);
  return kept?.base !== undefined && revision > kept.base && readEnvelope(headers)?.version === mutation;
}

/** The revision that it must find. */
function demanded({ kept, ifRevision }: Wish): number | undefined {
  return kept?.ifRevision ?? ifRevision;
}
