import { checkId } from "../schemas/document.ts";
import type { Edit } from "./commit/decide.ts";
import { WRITE_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";

/** Deletes one document: a tombstone takes its place, so that the deletion reaches every webserver. */
export default defineFunction({
  name: "delete",
  scope: "collection",
  description: "Deletes one document; a tombstone stays.",
  reply: "write.reply",
  errors: WRITE_ERRORS,
  async handle({ id, ...asked }, { webserver, collection, deadline }, context) {
    const schema = context.schemas.collection(collection);
    const edit: Edit = { ...asked, id: checkId(id), what: { op: "delete" }, webserver };
    const rules = context.rules.get(collection);
    // What is refused is to have had no effect.
    if (rules?.beforeDelete) await context.committer.foresee(schema, edit);
    const also = await rules?.beforeDelete?.(edit, deadline, context);
    const written = await context.committer.commit(schema, edit, deadline);
    return { ...written, ...(await also?.afterwards()) };
  },
});
