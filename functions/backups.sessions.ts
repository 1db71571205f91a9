import { clock } from "../bus/platform/clock.ts";
import type { Doc } from "../schemas/document.ts";
import type { User } from "../schemas/types.ts";
import { checkMay } from "./accounts/users.ts";
import { USER_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";
import { wholeCollection } from "./store/views.ts";

/** Of the caller's patience, for the answer, ms. */
const RESERVE_MS = 2000;

/** Ends every user's sessions: who has logged in before the restore may not be who that is now, nor have the same rights. */
export default defineFunction({
  name: "backups.sessions",
  scope: "named",
  description: "Ends every user's sessions, within a restore.",
  reply: "backups.sessions.reply",
  errors: USER_ERRORS,
  async handle({ restore: id, by }, caller, context) {
    await checkMay(context.views, by);
    const { startedAt } = await context.restoring.mine(id, caller.webserver);
    const schema = context.schemas.collection("users");
    for (let users = 0; ; ) {
      const { held } = await context.views.of(wholeCollection("users"), { certain: true });
      const all = [...held.values()].flatMap(({ doc }) => (doc ? [doc as unknown as User] : []));
      const left = all.filter((user) => !endedSince(user, startedAt));
      if (left.length === 0) return { done: true, users };
      for (const { uid } of left) {
        if (clock.now() > caller.deadline - RESERVE_MS) return { done: false, users };
        const sessionsFrom = new Date(clock.now()).toISOString();
        const change = (doc: Doc) => (endedSince(doc as unknown as User, startedAt) ? undefined : { ...doc, sessionsFrom });
        // The version stays: else a user that is merged from another webserver later, and is newer, would lose to this.
        await context.committer.amend(schema, String(uid), change, caller.deadline);
        users++;
      }
    }
  },
});

function endedSince({ sessionsFrom }: User, startedAt: string): boolean {
  return sessionsFrom !== undefined && Date.parse(sessionsFrom) >= Date.parse(startedAt);
}
