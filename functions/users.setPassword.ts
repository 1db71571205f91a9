import { clock } from "../bus/platform/clock.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import type { User } from "../schemas/types.ts";
import { changedBefore, changeUser } from "./accounts/change-user.ts";
import { FIRST_PASSWORD } from "./accounts/first-user.ts";
import { hashPassword, verifyPassword } from "./accounts/password.ts";
import { checkMay, userNow } from "./accounts/users.ts";
import { USER_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";

/** Sets a password, and ends the user's sessions. */
export default defineFunction({
  name: "users.setPassword",
  scope: "named",
  description: "Sets a password, and ends the user's sessions.",
  reply: "users.setPassword.reply",
  errors: ["LOGIN_FAILED", ...USER_ERRORS],
  async handle({ password, current, ...about }, caller, context) {
    await checkMay(context.views, about.by, about.uid);
    const done = await changedBefore(about, context);
    if (done !== undefined) return { revision: done };
    const own = about.by === about.uid;
    if (own && !(await verifyPassword(current ?? "", (await userNow(context.connection, about.uid))?.password)))
      throw new FrontsyncError("LOGIN_FAILED", "The password until now is not this one.", { path: "/current" });
    const hash = await hashPassword(password);
    const sessionsFrom = new Date(clock.now()).toISOString();
    const change = ({ defaultPassword, ...user }: User) => ({
      ...user,
      password: hash,
      sessionsFrom,
      ...(defaultPassword && password === FIRST_PASSWORD && { defaultPassword }),
    });
    return await changeUser(about, change, caller, context);
  },
});
