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
  async handle(request, { webserver, collection, deadline }, context) {
    const { doc: given, diff, schema: version = 1, mutation, by, base, ifRevision } = request;
    const schema = context.schemas.collection(collection);
    const doc = upcast(schema, given, version);
    const id = isUnplaced(schema, doc) ? undefined : documentId(schema, doc);
    const what = { op: "put" as const, doc };
    const edit = { id, what, mutation, by, webserver, base, ifRevision, diff: upcastDiff(schema, diff, version) };
    const written = await context.committer.commit(schema, edit, deadline);
    if (by !== 0) await handOverLate(schema, written.id, edit, deadline, context);
    return written;
  },
});
