import { clock } from "../bus/platform/clock.ts";
import { randomId } from "../bus/platform/random.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import type { User } from "../schemas/types.ts";
import { changeUser } from "./accounts/change-user.ts";
import { checkNotLockedOut, noteFailure, noteSuccess } from "./accounts/logins.ts";
import { hashPassword, isOutdated, verifyPassword } from "./accounts/password.ts";
import { userNamed, userNow } from "./accounts/users.ts";
import { USER_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";
import { FIRST_UID } from "./rules/first-user.ts";

/** Of the product: Session-Timeout-Minutes, Login-Fail-Lock-Count, Login-Fail-Lock-Duration. */
const DEFAULTS = { sessionSeconds: 3600, lockAfter: 5, lockSeconds: 300 };

/** Checks a user's password and begins a session. What a session is allowed to do is asked at each use: schemas/session.ts. */
export default defineFunction({
  name: "users.login",
  scope: "named",
  description: "Checks a user's password, counts failures, and begins a session.",
  reply: "users.login.reply",
  errors: ["LOGIN_FAILED", "USER_LOCKED", ...USER_ERRORS],
  async handle({ user: name, password, mutation, by: _by, ...settings }, caller, context) {
    const { sessionSeconds, lockAfter, lockSeconds } = { ...DEFAULTS, ...settings };
    const named = await userNamed(context.views, name);
    // The view of the users may be some milliseconds old; a password that was just set counts at once.
    const known = named && (await userNow(context.connection, named.uid));
    if (known) await checkNotLockedOut(known.uid, context);
    const right = await verifyPassword(password, known?.password);
    if (!known || !right) {
      const lockable = known?.uid !== FIRST_UID;
      if (known) await noteFailure({ uid: known.uid, mutation }, { lockAfter, lockSeconds, lockable }, caller, context);
      throw new FrontsyncError("LOGIN_FAILED", "The user or the password is wrong.");
    }
    // Checking took a while: an admin may have locked the user meanwhile.
    const user = await userNow(context.connection, known.uid);
    if (!user || user.locked) throw new FrontsyncError("USER_LOCKED", "The user is locked by an admin.");
    const { uid } = user;
    await noteSuccess({ uid, mutation }, caller, context);
    if (isOutdated(known.password as NonNullable<User["password"]>)) {
      const hash = await hashPassword(password);
      await changeUser({ uid, mutation, by: 0 }, (stored) => ({ ...stored, password: hash }), caller, context);
    }
    const now = clock.now();
    const session = {
      id: randomId(),
      uid,
      issuedAt: new Date(now).toISOString(),
      expiresAt: new Date(now + sessionSeconds * 1000).toISOString(),
    };
    return { uid, user: user.user, admin: user.admin === true, session, defaultPassword: user.defaultPassword === true };
  },
});
