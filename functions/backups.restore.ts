import { FrontsyncError } from "../schemas/errors.ts";
import type { RestoredResult, RestoredVersion } from "../schemas/types.ts";
import { checkMay } from "./accounts/users.ts";
import { WRITE_ERRORS } from "./commit/errors.ts";
import { type Caller, type Context, defineFunction } from "./host/define.ts";
import { errorReply } from "./host/refusal.ts";

interface How {
  dryRun: boolean;
  withoutSecrets: boolean;
}

const NAME = "backups.restore";

/** Brings versions back as they were, with their times, authors and ids. Each for itself, and a maximum: the same ones again, or in another
 *  order, give the same, so whoever was interrupted starts anew. */
const restore = defineFunction({
  name: NAME,
  scope: "named",
  description: "Brings versions back from a backup or a webserver; of each document the later one stays.",
  reply: "backups.restore.reply",
  // But NOT_ALLOWED in its results.
  errors: ["UNKNOWN_COLLECTION", ...WRITE_ERRORS],
  async handle({ documents, by, dryRun = false, withoutSecrets = false }, caller, context) {
    await checkMay(context.views, by);
    const how = { dryRun, withoutSecrets };
    return { results: await Promise.all(documents.map((given) => one(given, how, caller, context))) };
  },
});
export default restore;

async function one(given: RestoredVersion, how: How, { deadline }: Caller, context: Context): Promise<RestoredResult> {
  try {
    const schema = context.schemas.collection(given.collection);
    const { outcome, doc } = await context.committer.bringBack(schema, given, { ...how, deadline });
    const renamed = given.collection === "users" && doc !== undefined && doc.user !== given.doc?.user;
    return { outcome, ...(renamed && { storedAs: String(doc.user) }) };
  } catch (error) {
    // What may be over in a moment is the whole call's fault: it is asked again.
    if (!(error instanceof FrontsyncError) || error.retryable) throw error;
    return { outcome: "refused", refused: errorReply(error, `${NAME}: ${given.collection}`, restore) };
  }
}
