/** What logins leave: failures in a row, and the lock that they cause. Apart from the user, so that it never collides with an admin's edit. */
import { clock } from "../../bus/platform/clock.ts";
import { readSubject } from "../../bus/wire/stream.ts";
import { storeSubject } from "../../bus/wire/subjects.ts";
import type { Doc } from "../../schemas/document.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Login } from "../../schemas/types.ts";
import type { Caller, Context } from "../host/define.ts";

const LOGINS = "logins";

interface About {
  uid: number;
  mutation: string;
}

/** Throws USER_LOCKED while failed logins lock the user. */
export async function checkNotLockedOut(uid: number, { connection }: Context): Promise<void> {
  const stored = await readSubject(connection, storeSubject(LOGINS, String(uid)));
  const login = stored && !stored.deleted ? (JSON.parse(Buffer.from(stored.body).toString()) as Login) : undefined;
  if (login?.lockedUntil !== undefined && Date.parse(login.lockedUntil) > clock.now())
    throw new FrontsyncError("USER_LOCKED", `Too many failed logins: locked until ${login.lockedUntil}.`);
}

/** One failure more; at `lockAfter` of them the user is locked for a while. `lockable`: false for a user who can't be locked out. */
export async function noteFailure(
  about: About,
  { lockAfter, lockSeconds, lockable }: { lockAfter: number; lockSeconds: number; lockable: boolean },
  caller: Caller,
  context: Context,
): Promise<void> {
  const change = (before: Login): Login => {
    const failures = (before.failures ?? 0) + 1;
    const locks = lockable && failures >= lockAfter;
    const lockedUntil = new Date(clock.now() + lockSeconds * 1000).toISOString();
    return { ...before, failures: locks ? 0 : failures, ...(locks && { lockedUntil }) };
  };
  await changeLogin(about, change, caller, context);
}

export async function noteSuccess(about: About, caller: Caller, context: Context): Promise<void> {
  const lastLogin = new Date(clock.now()).toISOString();
  await changeLogin(about, ({ uid }) => ({ uid, failures: 0, lastLogin }), caller, context);
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
