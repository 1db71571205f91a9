/** Users and groups for a test, made by the system. */
import type { Bus, Group, User } from "../../bus/index.ts";

let made = 0;

/** A new user; its uid. */
export async function makeUser(bus: Bus, fields: Partial<User> = {}): Promise<number> {
  return Number((await bus.collection("users").put({ user: `user${++made}`, ...fields })).id);
}

/** A new group; its gid. */
export async function makeGroup(bus: Bus, fields: Partial<Group> = {}): Promise<number> {
  return Number((await bus.collection("groups").put({ name: `group${++made}`, ...fields })).id);
}

/** Admins, so that every uid from 2 to `last` is one: for requests that name a uid outright. The bus must be one of a new deployment. */
export async function makeAdmins(bus: Bus, last: number): Promise<void> {
  while ((await makeUser(bus, { admin: true })) < last);
}
