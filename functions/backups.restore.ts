import { FrontsyncError } from "../schemas/errors.ts";
import type { RestoredResult, RestoredVersion } from "../schemas/types.ts";
import { checkMay } from "./accounts/users.ts";
import type { RestoreHow } from "./commit/committer.ts";
import { WRITE_ERRORS } from "./commit/errors.ts";
import { type Caller, type Context, defineFunction } from "./host/define.ts";
import { errorReply } from "./host/refusal.ts";

const NAME = "backups.restore";

/** Brings versions back as they were, with their times, authors and ids, each for itself. Merged they are a maximum: the same ones again, or in
 *  another order, give the same. To replace, each document becomes what is given: again, it is that already. So whoever was interrupted
 *  starts anew. */
const restore = defineFunction({
  name: NAME,
  scope: "named",
  description: "Brings versions back from a backup or a webserver.",
  reply: "backups.restore.reply",
  // But NOT_ALLOWED in its results.
  errors: ["UNKNOWN_COLLECTION", ...WRITE_ERRORS],
  async handle({ documents, by, restore: id, mode = "merge", dryRun = false, withoutSecrets = false }, caller, context) {
    await checkMay(context.views, by);
    if (!dryRun) await checkRestore(id, mode, caller, context);
    const how = { dryRun, withoutSecrets, exact: mode === "replace" };
    return { results: await Promise.all(documents.map((given) => one(given, how, caller, context))) };
  },
});
export default restore;

/** Throws RESTORING unless it is of the restore that is under way, or, to merge, there is none. */
async function checkRestore(id: string | undefined, mode: string, { webserver }: Caller, { restoring }: Context): Promise<void> {
  if (id !== undefined) await restoring.mine(id, webserver);
  else if (mode === "merge") await restoring.check();
  else throw new FrontsyncError("BAD_MESSAGE", "To replace needs a restore: call backups.begin first.", { path: "/restore" });
}

async function one(given: RestoredVersion, how: RestoreHow, { deadline }: Caller, context: Context): Promise<RestoredResult> {
  try {
    const schema = context.schemas.collection(given.collection);
    const { outcome, doc } = await context.committer.bringBack(schema, given, { ...how, deadline });
    if (given.collection !== "users" || !doc) return { outcome };
    const [renamed, withoutPassword] = [doc.user !== given.doc?.user, how.withoutSecrets && !doc.password];
    return { outcome, ...(renamed && { storedAs: String(doc.user) }), ...(withoutPassword && { withoutPassword }) };
  } catch (error) {
    // What may be over in a moment is the whole call's fault: it is asked again.
    if (!(error instanceof FrontsyncError) || error.retryable) throw error;
    return { outcome: "refused", refused: errorReply(error, `${NAME}: ${given.collection}`, restore) };
  }
}
