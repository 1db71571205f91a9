import { encodePage, pageBytes } from "../bus/wire/page.ts";
import { readPage } from "../bus/wire/reader.ts";
import { readSubject } from "../bus/wire/stream.ts";
import { STREAM, storeSubject } from "../bus/wire/subjects.ts";
import { checkId } from "../schemas/document.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { defineFunction } from "./host/define.ts";

/** Above what the store keeps of one document. */
const PAGE_VERSIONS = 100;

/** One page of the versions that the store keeps of a document, tombstones included, oldest first. NOT_FOUND: it never had one. */
export default defineFunction({
  name: "versions",
  scope: "collection",
  description: "One page of the kept versions of a document, oldest first.",
  reply: "versions.reply",
  errors: ["BAD_ID", "NOT_FOUND"],
  async handle({ id, after = 0 }, { collection }, { connection, epochs }) {
    await epochs.ready();
    const subjects = storeSubject(collection, checkId(id));
    const until = (await readSubject(connection, subjects))?.revision ?? 0;
    // The store begins far above 1: a reader begins at the first message that there is.
    const page = { from: after + 1, until, limit: PAGE_VERSIONS, maxBytes: pageBytes(connection.info.maxPayload) };
    const { versions, done } = await readPage(connection, { stream: STREAM, subjects, ...page });
    if (versions.length === 0 && after === 0)
      throw new FrontsyncError("NOT_FOUND", `${collection} never had a document '${id.slice(0, 80)}'.`);
    return encodePage({ done, records: versions.length }, versions);
  },
});
