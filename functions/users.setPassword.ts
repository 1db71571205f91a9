import { clock } from "../bus/platform/clock.ts";
import { hashPassword, verifyPassword } from "../bus/platform/password.ts";
import { LOGIN_DEFAULTS, type LockSettings, sessionsEnded } from "../schemas/accounts.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import type { User } from "../schemas/types.ts";
import { changedBefore, changeUser } from "./accounts/change-user.ts";
import { FIRST_PASSWORD } from "./accounts/first-user.ts";
import { checkNotLockedOut, noteFailure } from "./accounts/logins.ts";
import { checkMay, userNow } from "./accounts/users.ts";
import { USER_ERRORS } from "./commit/errors.ts";
import { type Caller, type Context, defineFunction } from "./host/define.ts";

/** Sets a password, and ends the user's sessions. A wrong one of now counts as a failed login, and locks as such: else it could be guessed here. */
export default defineFunction({
  name: "users.setPassword",
  scope: "named",
  description: "Sets a password, and ends the user's sessions.",
  reply: "users.setPassword.reply",
  errors: ["LOGIN_FAILED", "USER_LOCKED", ...USER_ERRORS],
  async handle({ password, current, lockAfter, lockSeconds, ...about }, caller, context) {
    await checkMay(context.views, about.by, about.uid);
    const done = await changedBefore(about, context);
    if (done !== undefined) return { revision: done };
    const settings = { lockAfter: lockAfter ?? LOGIN_DEFAULTS.lockAfter, lockSeconds: lockSeconds ?? LOGIN_DEFAULTS.lockSeconds };
    if (about.by === about.uid) await checkCurrent(about, current ?? "", settings, caller, context);
    const hash = await hashPassword(password);
    const change = ({ defaultPassword, ...user }: User) => ({
      ...user,
      password: hash,
      // As it is stored: until then the old password begins sessions.
      sessionsFrom: sessionsEnded(user, clock.now()),
      ...(defaultPassword && password === FIRST_PASSWORD && { defaultPassword }),
    });
    return await changeUser(about, change, caller, context);
  },
});

/** Throws LOGIN_FAILED, USER_LOCKED. */
async function checkCurrent(
  about: { uid: number; mutation: string },
  current: string,
  settings: LockSettings,
  caller: Caller,
  context: Context,
): Promise<void> {
  await checkNotLockedOut(about.uid, context);
  const right = await verifyPassword(current, (await userNow(context, about.uid))?.password);
  // Again: who guesses many at once gets no more tries than who does it one by one.
  await checkNotLockedOut(about.uid, context);
  if (right) return;
  await noteFailure(about, settings, caller, context);
  throw new FrontsyncError("LOGIN_FAILED", "The password until now is not this one.", { path: "/current" });
}
