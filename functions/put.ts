import { documentId, isUnplaced } from "../schemas/document.ts";
import { upcast, upcastDiff } from "../schemas/upcast.ts";
import { handOverLate } from "./accounts/hand-over.ts";
import { WRITE_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";

/** Creates or replaces one document. */
export default defineFunction({
  name: "put",
  scope: "collection",
  description: "Creates or replaces one document.",
  reply: "write.reply",
  errors: WRITE_ERRORS,
  async handle({ doc: given, diff, schema: version = 1, ...asked }, { webserver, collection, deadline }, context) {
    const schema = context.schemas.collection(collection);
    const doc = upcast(schema, given, version);
    const id = isUnplaced(schema, doc) ? undefined : documentId(schema, doc);
    const edit = { ...asked, id, what: { op: "put" as const, doc }, diff: upcastDiff(schema, diff, version), webserver };
    const written = await context.committer.commit(schema, edit, deadline);
    await handOverLate(schema, { ...edit, id: written.id }, deadline, context);
    return written;
  },
});
