import { changeUser } from "./accounts/change-user.ts";
import { forgetFailures } from "./accounts/logins.ts";
import { checkMay } from "./accounts/users.ts";
import { USER_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";

/** Locks a user, which ends the user's sessions (functions/rules/users.ts), or unlocks, also from failed logins. */
export default defineFunction({
  name: "users.setLocked",
  scope: "named",
  description: "Locks a user and ends the sessions everywhere, or unlocks.",
  reply: "users.setLocked.reply",
  errors: USER_ERRORS,
  async handle({ locked, ...about }, caller, context) {
    await checkMay(context.views, about.by);
    const { revision } = await changeUser(about, (user) => ({ ...user, locked }), caller, context);
    return { revision: locked ? revision : Math.max(revision, await forgetFailures(about, caller, context)) };
  },
});
