import { FrontsyncError } from "../schemas/errors.ts";
import type { BatchResult, BatchWrite, WriteReply } from "../schemas/types.ts";
import deletion from "./delete.ts";
import { type Caller, type Context, defineFunction } from "./host/define.ts";
import { errorReply } from "./host/refusal.ts";
import patch from "./patch.ts";
import put from "./put.ts";

/** Below the server's largest message. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024;

/** Several writes in one message, each for itself: what a busy webserver sends instead of as many requests. */
export default defineFunction({
  name: "batch",
  scope: "all",
  description: "Several writes in one message, each for itself; not atomic.",
  reply: "batch.reply",
  // In its results.
  errors: ["UNKNOWN_COLLECTION", ...deletion.errors],
  async handle({ writes }, caller, context) {
    const results = await Promise.all(
      writes.map((write): Promise<BatchResult> => {
        const storing = handleOne(write, { ...caller, collection: write.collection }, context);
        return storing.then(
          (stored) => ({ stored: stored as WriteReply }),
          (error: unknown) => ({ refused: errorReply(error, `batch: ${write.collection}`, deletion) }),
        );
      }),
    );
    const bytes = results.reduce(
      (sum, { refused }) => sum + (refused?.current ? Buffer.byteLength(JSON.stringify(refused.current)) : 0),
      0,
    );
    if (bytes > MAX_REPLY_BYTES) for (const { refused } of results) delete refused?.current;
    return { results };
  },
});

async function handleOne(write: BatchWrite, caller: Caller, context: Context): Promise<object> {
  context.schemas.collection(write.collection);
  if (write.put) return await put.handle(write.put, caller, context);
  if (write.patch) return await patch.handle(write.patch, caller, context);
  if (write.delete) return await deletion.handle(write.delete, caller, context);
  throw new FrontsyncError("BAD_MESSAGE", "A write of a batch is none of put, patch and delete.");
}
