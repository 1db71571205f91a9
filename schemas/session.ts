/** Whether a login session still counts: the one place that decides it. Pure. A webserver signs the claims of `users.login`; the store holds only
 *  what ends a session early. */
import type { Session, SessionClaims, User } from "./types.ts";

/** True when the session has expired, was ended, or began before the user's sessions were ended all at once (a new password, an admin's lock, a
 *  logout everywhere), and when the user is locked or gone. `user`: the document of `claims.uid`; `ended`: the document of `claims.id` in
 *  `sessions`; `now`: ms since 1970. A time that can't be read ends the session. */
export function sessionIsOver(claims: SessionClaims, user: User | undefined, ended: Session | undefined, now: number): boolean {
  if (!user || user.uid !== claims.uid || user.locked === true || ended !== undefined) return true;
  if (!(Date.parse(claims.expiresAt) > now)) return true;
  return !(Date.parse(claims.issuedAt) >= (user.sessionsFrom === undefined ? 0 : Date.parse(user.sessionsFrom)));
}
