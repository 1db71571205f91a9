import { comparable, FIRST_UID, sessionsEnded } from "../../schemas/accounts.ts";
import type { Doc } from "../../schemas/document.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { User } from "../../schemas/types.ts";
import { handOver } from "../accounts/hand-over.ts";
import type { View } from "../store/views.ts";
import { defineRules } from "./define.ts";

const GROUPS = "groups";
/** Characters, as the schema has it. */
const MAX_NAME = 256;

/** User names are unique; the default admin stays one; a lock ends the user's sessions; what a deleted user owns goes to the default admin. */
export default defineRules({
  collection: "users",
  looksAt: [GROUPS],
  check({ id, before, next, now }, all, others) {
    const user = next as User | undefined;
    if (id === String(FIRST_UID)) checkDefaultAdmin(user);
    if (!user) return undefined;
    // All names are looked at, so only when there is a new one.
    if (user.user !== before?.user) checkName(id, user, all);
    checkGroups(user, before as User | undefined, others[GROUPS]);
    const locked = user.locked === true && (before as User | undefined)?.locked !== true;
    return locked ? { ...user, sessionsFrom: sessionsEnded(before as User | undefined, now) } : (user as unknown as Doc);
  },
  bringBack({ id, before, next, exact }, all) {
    const user = next as User | undefined;
    if (id === String(FIRST_UID)) checkDefaultAdmin(user);
    // All users become what they were, and had names of their own then.
    if (exact) return user && (withLaterSessions(user, before as User | undefined) as unknown as Doc);
    return user && namesake(id, user, all) ? (underAnotherName(user) as unknown as Doc) : next;
  },
  beforeDelete: handOver,
});

function checkDefaultAdmin(next: User | undefined): void {
  const refuse = (what: string, path: string) => {
    throw new FrontsyncError("DEFAULT_ADMIN", `The user with uid ${FIRST_UID} can't be ${what}: nobody could undo it.`, { path });
  };
  if (!next) refuse("deleted", "");
  if (next?.admin !== true) refuse("made a plain user", "/admin");
  if (next?.locked) refuse("locked", "/locked");
}

/** What has ended sessions stays so, whatever else goes back. */
function withLaterSessions(user: User, before: User | undefined): User {
  const [given, held] = [user.sessionsFrom, before?.sessionsFrom];
  return held !== undefined && (given === undefined || Date.parse(held) > Date.parse(given))
    ? { ...user, sessionsFrom: held }
    : user;
}

function checkName(id: string, user: User, all: View): void {
  const other = namesake(id, user, all);
  if (other)
    throw new FrontsyncError("USER_NAME_TAKEN", `The user ${other.uid} is called '${other.user}' already.`, { path: "/user" });
}

/** Another user who has the name. */
function namesake(id: string, { user }: User, all: View): User | undefined {
  const wanted = comparable(user);
  for (const { doc } of all.held.values()) {
    const other = doc as User | undefined;
    if (other && String(other.uid) !== id && comparable(other.user) === wanted) return other;
  }
  return undefined;
}

/** Kept, and nobody logs in by it, until an admin has decided which of the two is who. The default admin stays unlocked. */
function underAnotherName(user: User): User {
  const end = `~${user.uid}`;
  const renamed = { ...user, user: [...user.user].slice(0, MAX_NAME - end.length).join("") + end };
  return user.uid === FIRST_UID ? renamed : { ...renamed, locked: true };
}

/** Groups that a user was in before may be gone by now. */
function checkGroups(user: User, before: User | undefined, groups: View | undefined): void {
  const known = new Set([...(groups?.held.values() ?? [])].flatMap(({ doc }) => (doc ? [doc.gid] : [])));
  for (const gid of user.groups ?? []) {
    if (!known.has(gid) && !before?.groups?.includes(gid))
      throw new FrontsyncError("UNKNOWN_GROUP", `There is no group ${gid}.`, { path: "/groups" });
  }
}
