/** Whether a login session still counts: the one place that decides it. Pure. A webserver signs the claims of `users.login`; the store holds only
 *  what ends a session early, or confirms one that began without it. */
import type { Session, SessionClaims, User } from "./types.ts";

/** True when the session has expired, was ended, or began before the user's sessions were ended all at once (a new password, an admin's lock, a
 *  logout everywhere), and when the user is locked or gone. One that began on a webserver without contact is over on every other one until it is
 *  confirmed, and everywhere when the user's sessions were ended since that webserver last knew the user. `user`: the document of `claims.uid`;
 *  `known`: the document of `claims.id` in `sessions`; `now`: ms since 1970; `webserver`: the id of the one that asks. A time that can't be
 *  read ends the session. */
export function sessionIsOver(
  claims: SessionClaims,
  user: User | undefined,
  known: Session | undefined,
  now: number,
  webserver: string,
): boolean {
  if (!user || user.uid !== claims.uid || user.locked === true) return true;
  const confirmed = known?.confirmed === true;
  if (known && !confirmed) return true;
  if (claims.webserver !== undefined && claims.webserver !== webserver && !confirmed) return true;
  if (!(Date.parse(claims.expiresAt) > now)) return true;
  const begun = Date.parse(claims.webserver === undefined ? claims.issuedAt : (claims.sessionsFrom ?? ""));
  const issued = Date.parse(claims.issuedAt);
  return !(Number.isFinite(issued) && begun >= (user.sessionsFrom === undefined ? 0 : Date.parse(user.sessionsFrom)));
}
