import { encodeFrame } from "../bus/wire/frame.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { type Context, defineFunction } from "./host/define.ts";
import { readableResource } from "./store/resources.ts";

/** Some chunks of a document's content, for whoever may read the document. The system may also have what the document referred to before: a
 *  backup has the documents as they were a while ago. */
export default defineFunction({
  name: "content-read",
  scope: "all",
  description: "Some chunks of a resource's content; the JSON is followed by their bytes.",
  reply: "content-read.reply",
  errors: ["NOT_FOUND", "CONTENT_MISSING"],
  async handle({ id, by, sha256, from, limit, known }, _caller, context) {
    if (by !== 0) await checkIsOf(id, by, sha256, context);
    const { size, chunks } = await context.contents.read(sha256, from, { limit, known });
    const head = { size, from, chunks: chunks.length, sequence: chunks.at(-1)?.sequence ?? 0 };
    return encodeFrame(head, ...chunks.map(({ bytes }) => bytes));
  },
});

async function checkIsOf(id: string, by: number, sha256: string, context: Context): Promise<void> {
  const resource = await readableResource(id, by, context);
  if (resource.sha256 !== sha256) throw new FrontsyncError("NOT_FOUND", "The resource has another content now.");
}
