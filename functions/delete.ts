import { checkId } from "../schemas/document.ts";
import { WRITE_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";

/** Deletes one document: a tombstone takes its place, so that the deletion reaches every webserver. */
export default defineFunction({
  name: "delete",
  scope: "collection",
  description: "Deletes one document; a tombstone stays.",
  reply: "write.reply",
  errors: WRITE_ERRORS,
  async handle({ id, ...edit }, { webserver, collection, deadline }, { schemas, committer }) {
    const schema = schemas.collection(collection);
    return await committer.commit(schema, { ...edit, id: checkId(id), what: { op: "delete" }, webserver }, deadline);
  },
});
