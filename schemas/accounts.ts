/** What holds for users and their logins wherever they are looked at: by the functions, and by a webserver that has no contact with them. Pure. */
import { FrontsyncError } from "./errors.ts";
import type { Login, User } from "./types.ts";

/** The default admin: can't be deleted, demoted or locked, also not by failed logins. */
export const FIRST_UID = 1;

/** Of the product: Session-Timeout-Minutes, Login-Fail-Lock-Count, Login-Fail-Lock-Duration. */
export const LOGIN_DEFAULTS = { sessionSeconds: 3600, lockAfter: 5, lockSeconds: 300 };

/** How long the end of a session is remembered when it is not said how long it would have lasted, ms. */
export const ENDED_SESSION_MS = 365 * 24 * 3600_000;

/** ms since 1970: the year 9999, the last one that RFC 3339 has. */
const LAST_MS = 253_402_300_799_000;

export type LockSettings = Pick<typeof LOGIN_DEFAULTS, "lockAfter" | "lockSeconds">;

/** Names that look alike are the same name. In capitals, which tell fewer letters apart: ß is SS, and a Greek sigma has one form. */
export function comparable(name: string): string {
  return name.normalize("NFKC").toUpperCase().normalize("NFKC");
}

/** Throws USER_LOCKED while failed logins lock the user, whoever said that they do: never the default admin. `now`: ms since 1970. */
export function checkNotLockedOut(login: Login | undefined, now: number): void {
  if (login?.uid === FIRST_UID) return;
  if (login?.lockedUntil !== undefined && Date.parse(login.lockedUntil) > now)
    throw new FrontsyncError("USER_LOCKED", `Too many failed logins: locked until ${login.lockedUntil}.`);
}

/** With `failed` failures more; at `lockAfter` of them the user is locked for a while, unless it is the default admin. */
export function afterFailures(login: Login, failed: number, { lockAfter, lockSeconds }: LockSettings, now: number): Login {
  const failures = (login.failures ?? 0) + failed;
  const locks = failed > 0 && login.uid !== FIRST_UID && failures >= lockAfter;
  if (!locks) return { ...login, failures };
  return { ...login, failures: 0, lockedUntil: later(login.lockedUntil, new Date(now + lockSeconds * 1000).toISOString()) };
}

/** A login begins the count anew. */
export function afterSuccess({ uid }: Login, now: number): Login {
  return { uid, failures: 0, lastLogin: new Date(now).toISOString() };
}

/** From when on sessions count, once all until now are ended: later than at any time before, also when that was said by another clock. */
export function sessionsEnded(before: Pick<User, "sessionsFrom"> | undefined, now: number): string {
  return new Date(Math.max(now, sessionsFrom(before) + 1)).toISOString();
}

/** The beginning of a session, which none that was ended before ends, also when that was said by a clock that is ahead. ms since 1970. */
export function sessionBegun(user: Pick<User, "sessionsFrom"> | undefined, now: number): string {
  return new Date(Math.max(now, sessionsFrom(user))).toISOString();
}

function sessionsFrom(user: Pick<User, "sessionsFrom"> | undefined): number {
  const from = Date.parse(user?.sessionsFrom ?? "");
  // A time that can't be gone beyond would be no time.
  return from < LAST_MS ? from : 0;
}

/** The later of two times, RFC 3339 in UTC. */
export function later(one: string | undefined, other: string): string {
  return one !== undefined && Date.parse(one) > Date.parse(other) ? one : other;
}
