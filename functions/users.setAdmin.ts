import { changeUser } from "./accounts/change-user.ts";
import { checkMay } from "./accounts/users.ts";
import { USER_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";

/** Makes a user an admin, or no longer one. */
export default defineFunction({
  name: "users.setAdmin",
  scope: "named",
  description: "Makes a user an admin, or no longer one.",
  reply: "users.setAdmin.reply",
  errors: USER_ERRORS,
  async handle({ admin, ...about }, caller, context) {
    await checkMay(context.views, about.by);
    return await changeUser(about, (user) => ({ ...user, admin }), caller, context);
  },
});
