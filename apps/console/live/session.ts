/** Who is logged in, and the people that they may meet. */
import type { Group, LoginReply, StatusReply, User } from "../../../schemas/types.ts";
import { ask, get, LOGIN, whenLoggedOut } from "../api/client.ts";
import { list } from "../api/lists.ts";
import { asApiError, isFinal } from "../lib/errors.ts";
import { mayLeavePage } from "../lib/router.ts";
import { close, listen, metrics, onChange, reopen, status } from "./events.ts";
import { Value } from "./value.ts";

/** undefined: not known yet; null: nobody. */
export const me = new Value<User | null | undefined>(undefined);
/** The session ended by itself: the page stays as it is, behind a login, so that nothing that was typed is lost. */
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
    const again = ended.now;
    ended.set(false);
    me.set(user);
    if (again) reopen();
    else listen();
  } catch (error) {
    // That a webserver stops just now, or is asked too much, says nothing of the session: what was typed stays.
    if (isFinal(asApiError(error))) return leave();
    window.setTimeout(() => void begin(), AGAIN_MS);
    return;
  }
  const read = [readPeople(), get<StatusReply>("/api/status").then((now) => status.set(now))];
  // What fails is told again by events.
  await Promise.allSettled(read);
}

export async function logIn(User: string, Pass: string): Promise<void> {
  await ask<LoginReply>("POST", LOGIN, { body: { User, Pass } });
  await begin();
}

/** Ends this session, or all of one's own. */
export async function logOut(everywhere = false): Promise<void> {
  if (!mayLeavePage()) return;
  await ask(everywhere ? "DELETE" : "PUT", "/api/logout");
  leave();
}

/** What ends the session and begins another one at once. */
export async function replaceSession(work: () => Promise<void>): Promise<void> {
  replacing = true;
  try {
    await work();
  } finally {
    replacing = false;
  }
}

let replacing = false;

function leave(): void {
  close();
  metrics.set([]);
  ended.set(false);
  me.set(null);
}

whenLoggedOut(() => {
  if (!me.now || replacing) return;
  close();
  ended.set(true);
});

let [asked, shown] = [0, 0];

async function readPeople(): Promise<void> {
  const turn = ++asked;
  const [people, teams, self] = await Promise.all([
    list<User>("/api/users", { most: KNOWN }),
    list<Group>("/api/groups", { most: KNOWN }),
    get<User>("/api/users/me"),
  ]);
  // Long lists take long: what was asked for later may be here already.
  if (!me.now || turn < shown) return;
  shown = turn;
  users.set(people.items);
  groups.set(teams.items);
  me.set(self);
}

let waiting = false;
onChange((change) => {
  if (!me.now || (change && change.collection !== "users" && change.collection !== "groups")) return;
  // Many may change at once.
  if (waiting) return;
  waiting = true;
  window.setTimeout(async () => {
    waiting = false;
    if (me.now) await readPeople().catch(() => {});
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
