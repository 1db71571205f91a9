import { checkMay } from "./accounts/users.ts";
import { defineFunction } from "./host/define.ts";

/** Begins a restore: from here on nobody else writes or logs in. Asked again it says that its caller is still at work, which must be every few
 *  seconds; another caller with the same source then goes on with it. */
export default defineFunction({
  name: "backups.begin",
  scope: "named",
  description: "Begins a restore, goes on with one that was interrupted, or says that it is still at work.",
  reply: "backups.begin.reply",
  errors: ["RESTORING"],
  async handle({ mutation: _mutation, by, restore: known, ...asked }, { webserver }, { views, epochs, restoring }) {
    await checkMay(views, by);
    await epochs.ready();
    const { restore, continued, busy } = await restoring.begin(asked, webserver, known);
    const { id, startedAt, runner, seenAt } = restore;
    return { id, startedAt, continued, ...(busy && { busy: { runner, seenAt } }) };
  },
});
