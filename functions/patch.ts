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
  async handle({ id, merge, diff, schema: version = 1, ...edit }, { webserver, collection, deadline }, { schemas, committer }) {
    const schema = schemas.collection(collection);
    const what = { op: "patch" as const, merge: upcastPatch(schema, merge, version) };
    return await committer.commit(
      schema,
      { ...edit, id: checkId(id), what, diff: upcastDiff(schema, diff, version), webserver },
      deadline,
    );
  },
});
