import { withOwner } from "../schemas/access.ts";
import { checkId, type Doc } from "../schemas/document.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { RESOURCES, withContent } from "../schemas/resource.ts";
import type { Resource } from "../schemas/types.ts";
import { WRITE_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";
import { readDoc } from "./store/documents.ts";
import { readableResource } from "./store/resources.ts";

/** Gives a resource a content that is in the store. First the content is kept from the collector, then the document is written, then the content is
 *  looked at again: if it was collected in between, the caller uploads it again under the same mutation. */
export default defineFunction({
  name: "content-commit",
  scope: "all",
  description: "Gives a resource's document a content that is in the store.",
  reply: "content-commit.reply",
  errors: ["CONTENT_MISSING", ...WRITE_ERRORS],
  async handle({ mutation, by, id, fields, existed, from, over, ifRevision, ...asked }, { webserver, deadline }, context) {
    const { schemas, committer, contents } = context;
    const schema = schemas.collection(RESOURCES);
    const sha256 = from === undefined ? asked.sha256 : (await readableResource(from, by, context)).sha256;
    const gone = new FrontsyncError("CONTENT_MISSING", "The content is not in the datastore: upload it.");
    if (sha256 === undefined) throw gone;
    const record = await contents.renew(sha256);
    if (!record) throw gone;
    const { size } = record;
    const change = (before: Doc | undefined): Doc => {
      if (!before && existed) throw new FrontsyncError("NOT_FOUND", "The resource was deleted meanwhile.");
      if (over !== undefined && ![undefined, over, sha256].includes(before?.sha256 as string | undefined))
        throw new FrontsyncError("REVISION_CONFLICT", "The resource has been given yet another content meanwhile.");
      const doc = withContent(schema, before, { ...fields, id }, { sha256, size });
      return by === 0 ? doc : withOwner(schema, by, before, doc);
    };
    const what = { op: "change" as const, change };
    const { revision } = await committer.commit(schema, { id: checkId(id), what, mutation, by, webserver, ifRevision }, deadline);
    if (!(await contents.renew(sha256))) throw gone;
    const doc = await readDoc<Resource>(context, RESOURCES, id);
    return { id, revision, sha256, size, version: doc?.version ?? 1 };
  },
});
