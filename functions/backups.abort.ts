import { checkMay } from "./accounts/users.ts";
import { defineFunction } from "./host/define.ts";

/** Gives the restore up that is under way, or was interrupted: what it has written stays. */
export default defineFunction({
  name: "backups.abort",
  scope: "named",
  description: "Gives a restore up: what it has written stays.",
  reply: "backups.abort.reply",
  errors: [],
  async handle({ by }, _caller, { views, epochs, restoring }) {
    await checkMay(views, by);
    await epochs.ready();
    const given = await restoring.giveUp();
    return given ? { id: given.id, source: given.source, done: given.done, records: given.records } : {};
  },
});
