import { storeSubject } from "../bus/wire/subjects.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import type { User } from "../schemas/types.ts";
import { changeUser } from "./accounts/change-user.ts";
import { checkMay } from "./accounts/users.ts";
import { USER_ERRORS } from "./commit/errors.ts";
import { defineFunction } from "./host/define.ts";
import { wholeCollection } from "./store/views.ts";

/** Says who is in a group. Each user's groups are the truth, so it is one change for each who joins or leaves; a retry goes on with the rest. */
export default defineFunction({
  name: "groups.setMembers",
  scope: "named",
  description: "Says who is in a group.",
  reply: "groups.setMembers.reply",
  errors: USER_ERRORS,
  async handle({ gid, members, ...about }, caller, context) {
    await checkMay(context.views, about.by);
    const groups = await context.views.of(wholeCollection("groups"), { certain: true });
    const group = groups.held.get(storeSubject("groups", String(gid)));
    if (!group?.doc) throw new FrontsyncError("UNKNOWN_GROUP", `There is no group ${gid}.`, { path: "/gid" });
    const { held, revision } = await context.views.of(wholeCollection("users"), { certain: true });
    const users = [...held.values()].flatMap(({ doc }) => (doc ? [doc as unknown as User] : []));
    const known = new Set(users.map(({ uid }) => uid));
    const stranger = members.findIndex((uid) => !known.has(uid));
    if (stranger >= 0)
      throw new FrontsyncError("UNKNOWN_USER", `There is no user ${members[stranger]}.`, { path: `/members/${stranger}` });

    const isIn = (user: User) => user.groups?.includes(gid) === true;
    const joining = users.filter((user) => !isIn(user) && members.includes(user.uid));
    const leaving = users.filter((user) => isIn(user) && !members.includes(user.uid));
    let last = Math.max(revision, group.revision);
    for (const { uid } of [...joining, ...leaving]) {
      const wanted = members.includes(uid);
      const change = (user: User) => {
        const others = (user.groups ?? []).filter((one) => one !== gid);
        return isIn(user) === wanted ? undefined : { ...user, groups: wanted ? [...others, gid] : others };
      };
      const done = await changeUser({ ...about, uid }, change, caller, context);
      last = Math.max(last, done.revision);
    }
    return { revision: last, added: joining.length, removed: leaving.length };
  },
});
