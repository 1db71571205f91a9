import { documentId, isUnplaced } from "../schemas/document.ts";
import { WRITE_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";
import { handOverLate } from "./rules/hand-over.ts";

/** Creates or replaces one document. */
export default defineFunction({
  name: "put",
  scope: "collection",
  description: "Creates or replaces one document.",
  reply: "write.reply",
  errors: WRITE_ERRORS,
  async handle({ doc, ...edit }, { webserver, collection, deadline }, context) {
    const schema = context.schemas.collection(collection);
    const id = isUnplaced(schema, doc) ? undefined : documentId(schema, doc);
    const written = await context.committer.commit(schema, { ...edit, id, what: { op: "put", doc }, webserver }, deadline);
    await handOverLate(schema, { ...edit, id: written.id, webserver }, deadline, context);
    return written;
  },
});
