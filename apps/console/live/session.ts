/** Who is logged in, and the people that they may meet. */
import type { Group, LoginReply, StatusReply, User } from "../../../schemas/types.ts";
import { ApiError, ask, get, whenLoggedOut } from "../api/client.ts";
import { list } from "../api/lists.ts";
import { close, listen, metrics, onChange, status } from "./events.ts";
import { Value } from "./value.ts";

/** undefined: not known yet; null: nobody. */
export const me = new Value<User | null | undefined>(undefined);
/** Set when a session ended by itself, so that the login page can say so. */
export const ended = new Value(false);
export const users = new Value<readonly User[]>([]);
export const groups = new Value<readonly Group[]>([]);

/** Of people that are known by name. */
const KNOWN = 1000;
const AGAIN_MS = 1000;

/** Finds out who is logged in. */
export async function begin(): Promise<void> {
  try {
    const user = await get<User>("/api/users/me");
    ended.set(false);
    me.set(user);
    listen();
    await Promise.all([readPeople(), get<StatusReply>("/api/status").then((now) => status.set(now))]);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "OFFLINE") return leave();
    window.setTimeout(() => void begin(), AGAIN_MS);
  }
}

export async function logIn(User: string, Pass: string): Promise<void> {
  await ask<LoginReply>("POST", "/api/login", { body: { User, Pass } });
  await begin();
}

/** Ends this session, or all of one's own. */
export async function logOut(everywhere = false): Promise<void> {
  await ask(everywhere ? "DELETE" : "PUT", "/api/logout");
  leave();
}

function leave(): void {
  close();
  metrics.set([]);
  me.set(null);
}

whenLoggedOut(() => {
  if (!me.now) return;
  ended.set(true);
  leave();
});

async function readPeople(): Promise<void> {
  const [people, teams] = await Promise.all([
    list<User>("/api/users", { most: KNOWN }),
    list<Group>("/api/groups", { most: KNOWN }),
  ]);
  users.set(people.items);
  groups.set(teams.items);
}

let waiting = false;
onChange((change) => {
  if (!me.now || (change && change.collection !== "users" && change.collection !== "groups")) return;
  // Many may change at once.
  if (waiting) return;
  waiting = true;
  window.setTimeout(async () => {
    waiting = false;
    if (!me.now) return;
    await readPeople().catch(() => {});
    const self = await get<User>("/api/users/me").catch(() => undefined);
    if (self && me.now) me.set(self);
  }, 300);
});

export function nameOf(uid: number | undefined, known: readonly User[]): string {
  if (uid === undefined) return "somebody";
  if (uid === 0) return "the system";
  if (uid === me.now?.uid) return "you";
  const user = known.find((one) => one.uid === uid);
  return user ? user.name || user.user : `user ${uid}`;
}

export const groupName = (gid: number, known: readonly Group[]): string =>
  known.find((one) => one.gid === gid)?.name ?? `group ${gid}`;
