import { clock } from "../bus/platform/clock.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { sessionIsOver } from "../schemas/session.ts";
import type { SessionClaims } from "../schemas/types.ts";
import { noteReport } from "./accounts/logins.ts";
import { checkMay, userNow } from "./accounts/users.ts";
import { type Caller, type Context, defineFunction } from "./host/define.ts";

/** Takes over what a user's logins on a webserver without contact have left. The sessions that began there count on every webserver from then on, but
 *  for those that the user would have lost meanwhile. */
export default defineFunction({
  name: "logins.report",
  scope: "named",
  description: "Counts the logins of a user on a webserver without contact, and confirms the sessions that began there.",
  reply: "logins.report.reply",
  errors: ["UNKNOWN_USER", "RESTORING"],
  async handle(report, caller, context) {
    const { uid, by, sessions } = report;
    await checkMay(context.views, by);
    const user = await userNow(context, uid);
    if (!user) throw new FrontsyncError("UNKNOWN_USER", `There is no user ${uid}.`, { path: "/uid" });
    let revision = await noteReport(report, caller, context);
    const confirmed: string[] = [];
    for (const session of sessions) {
      const { webserver } = caller;
      if (session.uid !== uid || session.webserver !== webserver) continue;
      if (sessionIsOver(session, user, undefined, clock.now(), webserver)) continue;
      revision = Math.max(revision, await confirm(session, report.mutation, caller, context));
      confirmed.push(session.id);
    }
    return { revision, confirmed };
  },
});

/** A session that was ended meanwhile stays so. */
async function confirm(
  { id, uid, expiresAt }: SessionClaims,
  mutation: string,
  { webserver, deadline }: Caller,
  { committer, schemas }: Context,
): Promise<number> {
  const change = (known: object | undefined) => (known ? undefined : { id, uid, expiresAt, confirmed: true });
  const edit = { id, what: { op: "change" as const, change }, mutation, by: 0, webserver };
  return (await committer.commit(schemas.collection("sessions"), edit, deadline)).revision;
}
