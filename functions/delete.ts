import { checkId } from "../schemas/document.ts";
import type { CollectionSchema } from "../schemas/index.ts";
import type { WriteReply } from "../schemas/types.ts";
import type { Edit } from "./commit/decide.ts";
import { WRITE_ERRORS } from "./commit/errors.ts";
import { throughFuse } from "./commit/fused.ts";
import { type Context, defineFunction } from "./host/define.ts";

/** Deletes one document: a tombstone takes its place, so that the deletion reaches every webserver. */
export default defineFunction({
  name: "delete",
  scope: "collection",
  description: "Deletes one document; a tombstone stays.",
  reply: "write.reply",
  errors: [...WRITE_ERRORS, "FUSE_OPEN", "DELETION_DISCARDED"],
  async handle({ id, ...asked }, { webserver, collection, deadline }, context) {
    const schema = context.schemas.collection(collection);
    const edit: Edit = { ...asked, id: checkId(id), what: { op: "delete" }, webserver };
    return await throughFuse(schema, edit, context, () => deleteNow(schema, edit, deadline, context));
  },
});

/** Whatever the fuse says. */
export async function deleteNow(schema: CollectionSchema, edit: Edit, deadline: number, context: Context): Promise<WriteReply> {
  const rules = context.rules.get(schema.collection);
  // What is refused is to have had no effect.
  if (rules?.beforeDelete) await context.committer.foresee(schema, edit);
  const also = await rules?.beforeDelete?.(edit, deadline, context);
  const written = await context.committer.commit(schema, edit, deadline);
  return { ...written, ...(await also?.afterwards()) };
}
