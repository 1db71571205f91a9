import { documentId, isUnplaced } from "../schemas/document.ts";
import { upcast, upcastDiff } from "../schemas/upcast.ts";
import { WRITE_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";

/** Creates or replaces one document. */
export default defineFunction({
  name: "put",
  scope: "collection",
  description: "Creates or replaces one document.",
  reply: "write.reply",
  errors: WRITE_ERRORS,
  async handle({ doc: given, diff, schema: version = 1, ...edit }, { webserver, collection, deadline }, { schemas, committer }) {
    const schema = schemas.collection(collection);
    const doc = upcast(schema, given, version);
    const what = { op: "put" as const, doc };
    return await committer.commit(
      schema,
      {
        ...edit,
        id: isUnplaced(schema, doc) ? undefined : documentId(schema, doc),
        what,
        diff: upcastDiff(schema, diff, version),
        webserver,
      },
      deadline,
    );
  },
});
