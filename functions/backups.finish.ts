import { checkMay } from "./accounts/users.ts";
import { defineFunction } from "./host/define.ts";

/** Ends a restore; one that replaces, only if no document was written since the datastore was seen to be what was backed up. */
export default defineFunction({
  name: "backups.finish",
  scope: "named",
  description: "Ends a restore.",
  reply: "backups.finish.reply",
  errors: ["RESTORING"],
  async handle({ restore: id, verified, by }, { webserver }, { views, restoring }) {
    await checkMay(views, by);
    return { ended: await restoring.finish(id, webserver, verified) };
  },
});
