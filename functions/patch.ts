import { checkId } from "../schemas/document.ts";
import { WRITE_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";

/** Changes one document by a JSON Merge Patch. */
export default defineFunction({
  name: "patch",
  scope: "collection",
  description: "Changes one document by a JSON Merge Patch (RFC 7396).",
  reply: "write.reply",
  errors: WRITE_ERRORS,
  async handle({ id, merge, ...edit }, { webserver, collection, deadline }, { schemas, committer }) {
    const schema = schemas.collection(collection);
    return await committer.commit(schema, { ...edit, id: checkId(id), what: { op: "patch", merge }, webserver }, deadline);
  },
});
