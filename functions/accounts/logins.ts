/** What logins leave: failures in a row, and the lock that they cause. Apart from the user, so that it never collides with an admin's edit. */

import { clock } from "../../bus/platform/clock.ts";
import * as accounts from "../../schemas/accounts.ts";
import type { Doc } from "../../schemas/document.ts";
import type { Login, LoginsReportRequest } from "../../schemas/types.ts";
import type { Caller, Context } from "../host/define.ts";
import { readDoc } from "../store/documents.ts";

const LOGINS = "logins";

interface About {
  uid: number;
  mutation: string;
}

/** Throws USER_LOCKED while failed logins lock the user. */
export async function checkNotLockedOut(uid: number, context: Context): Promise<void> {
  accounts.checkNotLockedOut(await readDoc<Login>(context, LOGINS, String(uid)), clock.now());
}

/** One failure more; at `lockAfter` of them the user is locked for a while. */
export async function noteFailure(
  about: About,
  settings: accounts.LockSettings,
  caller: Caller,
  context: Context,
): Promise<void> {
  await changeLogin(about, (before) => accounts.afterFailures(before, 1, settings, clock.now()), caller, context);
}

export async function noteSuccess(about: About, caller: Caller, context: Context): Promise<void> {
  await changeLogin(about, (before) => accounts.afterSuccess(before, clock.now()), caller, context);
}

/** What happened on a webserver without contact. Its failures add to those that were counted here; a success there does not end what others have
 *  left meanwhile, since nobody knows which came first. */
export async function noteReport(report: LoginsReportRequest, caller: Caller, context: Context): Promise<number> {
  const { lastLogin, lockedUntil } = report;
  const change = (before: Login): Login => ({
    ...accounts.afterFailures(before, report.failures, report, clock.now()),
    ...(lockedUntil !== undefined && { lockedUntil: accounts.later(before.lockedUntil, lockedUntil) }),
    ...(lastLogin !== undefined && { lastLogin: accounts.later(before.lastLogin, lastLogin) }),
  });
  return await changeLogin(report, change, caller, context);
}

export async function forgetFailures(about: About, caller: Caller, context: Context): Promise<number> {
  const change = ({ lockedUntil: _ends, ...login }: Login) => ({ ...login, failures: 0 });
  return await changeLogin(about, change, caller, context);
}

async function changeLogin(
  { uid, mutation }: About,
  change: (before: Login) => Login,
  { webserver, deadline }: Caller,
  { committer, schemas }: Context,
): Promise<number> {
  const changed = (before: Doc | undefined) => change((before as Login | undefined) ?? { uid }) as unknown as Doc;
  const edit = { id: String(uid), what: { op: "change" as const, change: changed }, mutation, by: 0, webserver };
  const { revision } = await committer.commit(schemas.collection(LOGINS), edit, deadline);
  return revision;
}
