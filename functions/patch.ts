import { checkId } from "../schemas/document.ts";
import { upcastDiff, upcastPatch } from "../schemas/upcast.ts";
import { WRITE_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";

/** Changes one document by a JSON Merge Patch. */
export default defineFunction({
  name: "patch",
  scope: "collection",
  description: "Changes one document by a JSON Merge Patch (RFC 7396).",
  reply: "write.reply",
  errors: WRITE_ERRORS,
  async handle(request, { webserver, collection, deadline }, { schemas, committer }) {
    const { merge, diff, schema: version = 1, mutation, by, base, ifRevision } = request;
    const schema = schemas.collection(collection);
    const id = checkId(request.id);
    const what = { op: "patch" as const, merge: upcastPatch(schema, merge, version) };
    const edit = { id, what, mutation, by, webserver, base, ifRevision, diff: upcastDiff(schema, diff, version) };
    return await committer.commit(schema, edit, deadline);
  },
});
