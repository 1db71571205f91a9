import { clock } from "../bus/platform/clock.ts";
import { ENDED_SESSION_MS, sessionsEnded } from "../schemas/accounts.ts";
import { changeUser } from "./accounts/change-user.ts";
import { checkMay } from "./accounts/users.ts";
import { USER_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";

/** Ends one session, or all of a user's, on every webserver. */
export default defineFunction({
  name: "users.logout",
  scope: "named",
  description: "Ends one session, or all of a user's, on every webserver.",
  reply: "users.logout.reply",
  errors: USER_ERRORS,
  async handle({ session, expiresAt, ...about }, caller, context) {
    await checkMay(context.views, about.by, about.uid);
    const now = clock.now();
    if (session === undefined)
      return await changeUser(about, (user) => ({ ...user, sessionsFrom: sessionsEnded(user, now) }), caller, context);
    const doc = { id: session, uid: about.uid, expiresAt: expiresAt ?? new Date(now + ENDED_SESSION_MS).toISOString() };
    const edit = { id: session, what: { op: "put" as const, doc }, mutation: about.mutation, by: 0, webserver: caller.webserver };
    const { revision } = await context.committer.commit(context.schemas.collection("sessions"), edit, caller.deadline);
    return { revision };
  },
});
