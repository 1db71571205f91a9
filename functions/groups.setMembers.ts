import { randomId } from "../bus/platform/random.ts";
import { storeSubject } from "../bus/wire/subjects.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { hasSeen } from "../schemas/mutation.ts";
import type { User } from "../schemas/types.ts";
import { changeUser } from "./accounts/change-user.ts";
import { checkMay } from "./accounts/users.ts";
import { USER_ERRORS } from "./commit/errors.ts";
import { type Caller, type Context, defineFunction } from "./host/define.ts";
import { type Held, wholeCollection } from "./store/views.ts";

/** Says who is in a group. Each user's groups are the truth, so it is one change for each who joins or leaves; then the group's document notes that
 *  it is done. When somebody else's list was noted meanwhile, everything is looked at again, so that of two lists one is the result and no mixture. */
export default defineFunction({
  name: "groups.setMembers",
  scope: "named",
  description: "Says who is in a group.",
  reply: "groups.setMembers.reply",
  errors: USER_ERRORS,
  async handle({ gid, members, mutation, by }, caller, context) {
    await checkMay(context.views, by);
    const counts = { added: 0, removed: 0 };
    for (;;) {
      const group = await groupNow(gid, context);
      if (hasSeen(group.envelope?.seen ?? "", mutation)) return { revision: group.revision, ...counts };
      const { joining, leaving } = await difference(gid, members, context);
      for (const user of [...joining, ...leaving]) await setMember(gid, user.uid, joining.includes(user), by, caller, context);
      counts.added += joining.length;
      counts.removed += leaving.length;
      const revision = await noteDone(group, { gid, mutation, by }, caller, context);
      if (revision !== undefined) return { revision, ...counts };
    }
  },
});

/** Throws UNKNOWN_GROUP. */
async function groupNow(gid: number, { views }: Context): Promise<Held> {
  const { held } = await views.of(wholeCollection("groups"), { certain: true });
  const group = held.get(storeSubject("groups", String(gid)));
  if (group?.doc) return group;
  throw new FrontsyncError("UNKNOWN_GROUP", `There is no group ${gid}.`, { path: "/gid" });
}

/** Throws UNKNOWN_USER. */
async function difference(gid: number, members: readonly number[], { views }: Context) {
  const { held } = await views.of(wholeCollection("users"), { certain: true });
  const users = [...held.values()].flatMap(({ doc }) => (doc ? [doc as unknown as User] : []));
  const known = new Set(users.map(({ uid }) => uid));
  const stranger = members.findIndex((uid) => !known.has(uid));
  if (stranger >= 0)
    throw new FrontsyncError("UNKNOWN_USER", `There is no user ${members[stranger]}.`, { path: `/members/${stranger}` });
  const wanted = new Set(members);
  const isIn = (user: User) => user.groups?.includes(gid) === true;
  return {
    joining: users.filter((user) => !isIn(user) && wanted.has(user.uid)),
    leaving: users.filter((user) => isIn(user) && !wanted.has(user.uid)),
  };
}

async function setMember(gid: number, uid: number, wanted: boolean, by: number, caller: Caller, context: Context): Promise<void> {
  const change = (user: User) => {
    const others = (user.groups ?? []).filter((one) => one !== gid);
    return others.length < (user.groups ?? []).length === wanted
      ? undefined
      : { ...user, groups: wanted ? [...others, gid] : others };
  };
  // An id of its own: the same user may have to join again when everything is looked at again, and to repeat it has no effect.
  await changeUser({ uid, mutation: `members:${randomId()}`, by }, change, caller, context).catch((error: unknown) => {
    // Whoever was deleted meanwhile is in no group.
    if (!(error instanceof FrontsyncError) || error.code !== "UNKNOWN_USER") throw error;
  });
}

/** The revision of the group that says that it is done; undefined: the group has changed since it was looked at. */
async function noteDone(
  { revision }: Held,
  { gid, mutation, by }: { gid: number; mutation: string; by: number },
  { webserver, deadline }: Caller,
  { committer, schemas }: Context,
): Promise<number | undefined> {
  const change = (before: object | undefined) => {
    if (before) return { ...before };
    throw new FrontsyncError("UNKNOWN_GROUP", `There is no group ${gid}.`, { path: "/gid" });
  };
  const what = { op: "change" as const, change };
  const edit = { id: String(gid), what, mutation, by, webserver, ifRevision: revision };
  try {
    return (await committer.commit(schemas.collection("groups"), edit, deadline)).revision;
  } catch (error) {
    if (error instanceof FrontsyncError && error.code === "REVISION_CONFLICT") return undefined;
    throw error;
  }
}
