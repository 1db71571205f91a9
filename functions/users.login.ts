import { clock } from "../bus/platform/clock.ts";
import { hashPassword, isOutdated, refuseLogin, verifyPassword } from "../bus/platform/password.ts";
import { randomId } from "../bus/platform/random.ts";
import { LOGIN_DEFAULTS, sessionBegun } from "../schemas/accounts.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import type { User } from "../schemas/types.ts";
import { changeUser } from "./accounts/change-user.ts";
import { checkNotLockedOut, noteFailure, noteSuccess } from "./accounts/logins.ts";
import { userNamed, userNow } from "./accounts/users.ts";
import { USER_ERRORS } from "./commit/errors.ts";
import { type Caller, type Context, defineFunction } from "./host/define.ts";

/** Checks a user's password and begins a session. What a session is allowed to do is asked at each use: schemas/session.ts. */
export default defineFunction({
  name: "users.login",
  scope: "named",
  description: "Checks a user's password, counts failures, and begins a session.",
  reply: "users.login.reply",
  errors: ["LOGIN_FAILED", "USER_LOCKED", ...USER_ERRORS],
  async handle({ user: name, password, mutation, by: _by, ...settings }, caller, context) {
    await context.restoring.check();
    const { sessionSeconds, lockAfter, lockSeconds } = { ...LOGIN_DEFAULTS, ...settings };
    const began = clock.monotonic();
    // Before the user is looked at: whatever ends the sessions from here on ends this one, too.
    const now = clock.now();
    const known = await userNamed(context, name);
    const issuedAt = sessionBegun(known, now);
    if (known) await checkNotLockedOut(known.uid, context);
    const { user, right } = await checked(password, known, context);
    // Again: who guesses many at once gets no more tries than who does it one by one.
    if (user) await checkNotLockedOut(user.uid, context);
    if (!user || !right) {
      if (user) await noteFailure({ uid: user.uid, mutation }, { lockAfter, lockSeconds }, caller, context);
      return await refuseLogin(began);
    }
    if (user.locked) throw new FrontsyncError("USER_LOCKED", "The user is locked by an admin.");
    const { uid } = user;
    await noteSuccess({ uid, mutation }, caller, context);
    if (user.password && isOutdated(user.password)) await renew(user, password, mutation, caller, context);
    const session = {
      id: randomId(),
      uid,
      issuedAt,
      expiresAt: new Date(clock.now() + sessionSeconds * 1000).toISOString(),
    };
    return { uid, user: user.user, admin: user.admin === true, session, defaultPassword: user.defaultPassword === true };
  },
});

/** Whether it is the user's password, and the user as stored when that is known: checking takes a while, and another password may be set meanwhile. */
async function checked(
  password: string,
  known: User | undefined,
  context: Context,
): Promise<{ user: User | undefined; right: boolean }> {
  const right = await verifyPassword(password, known?.password);
  const user = known && (await userNow(context, known.uid));
  if (hashOf(user) !== hashOf(known)) return await checked(password, user, context);
  return { user, right };
}

/** Hashes the password with what is asked for now. One that was set meanwhile stays. */
async function renew(checkedUser: User, text: string, mutation: string, caller: Caller, context: Context): Promise<void> {
  const password = await hashPassword(text);
  const change = (stored: User) => (hashOf(stored) === hashOf(checkedUser) ? { ...stored, password } : undefined);
  await changeUser({ uid: checkedUser.uid, mutation, by: 0 }, change, caller, context);
}

function hashOf(user: User | undefined): string | undefined {
  return user?.password?.hash;
}
