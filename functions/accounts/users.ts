/** The users as the functions look at them. */

import { storeSubject } from "../../bus/wire/subjects.ts";
import { type Actor, actorOf } from "../../schemas/access.ts";
import { comparable } from "../../schemas/accounts.ts";
import { type ErrorCode, FrontsyncError } from "../../schemas/errors.ts";
import type { User } from "../../schemas/types.ts";
import type { Acting } from "../commit/decide.ts";
import type { Context } from "../host/define.ts";
import { readDoc } from "../store/documents.ts";
import { type Views, wholeCollection } from "../store/views.ts";

const USERS = "users";
/** Refusals that go by the rights of who acts. */
const RIGHTS: readonly ErrorCode[] = ["NOT_ALLOWED", "GLOBAL_NEEDS_ADMIN", "NOT_FOUND"];

type Certainty = { certain?: boolean };

/** As far as this handler has heard, or, with `certain`, as the store has the user now. */
export async function userOf(views: Views, uid: number, certainty: Certainty = {}): Promise<User | undefined> {
  const { held } = await views.of(wholeCollection(USERS), certainty);
  return held.get(storeSubject(USERS, String(uid)))?.doc as User | undefined;
}

/** As the store has the user now. */
export async function userNow(context: Pick<Context, "connection" | "schemas">, uid: number): Promise<User | undefined> {
  return await readDoc<User>(context, USERS, String(uid));
}

/** The user who has a name now; undefined: certainly nobody. */
export async function userNamed(context: Context, name: string): Promise<User | undefined> {
  const wanted = comparable(name);
  for (const certain of [false, true]) {
    const { held } = await context.views.of(wholeCollection(USERS), { certain });
    const users = [...held.values()].flatMap(({ doc }) => (doc ? [doc as unknown as User] : []));
    const found = users.find(({ user }) => comparable(user) === wanted);
    // What this handler has heard may be some milliseconds old; a new name or password counts at once.
    const user = found && (await userNow(context, found.uid));
    if (user && comparable(user.user) === wanted) return user;
  }
  return undefined;
}

/** Who acts; undefined: the system. Throws NOT_ALLOWED. */
export async function actorBy(views: Views, uid: number, certainty: Certainty = {}): Promise<Actor | undefined> {
  return uid === 0 ? undefined : actorOf(uid, await userOf(views, uid, certainty));
}

/** Who acts, for a decision: that nobody may is one of its reasons. */
export async function actingBy(views: Views, uid: number, certainty: Certainty = {}): Promise<Acting> {
  return await actorBy(views, uid, certainty).catch((error: unknown) => {
    if (error instanceof FrontsyncError && error.code === "NOT_ALLOWED") return error;
    throw error;
  });
}

/** Does a task that may be refused for want of a right, and does it again, `certain` of the users, when it is: the right may be so new that this
 *  handler has not heard of it. */
export async function lookingTwice<T>(task: (certain: boolean) => Promise<T>): Promise<T> {
  try {
    return await task(false);
  } catch (error) {
    if (error instanceof FrontsyncError && RIGHTS.includes(error.code)) return await task(true);
    throw error;
  }
}

/** Throws NOT_ALLOWED unless the system or an admin asks, or the user whom it is about. */
export async function checkMay(views: Views, by: number, about?: number): Promise<void> {
  await lookingTwice(async (certain) => {
    const actor = await actorBy(views, by, { certain });
    if (!actor || actor.admin || (about !== undefined && actor.uid === about)) return;
    throw new FrontsyncError("NOT_ALLOWED", `The user ${by} may not do this: ask an admin.`);
  });
}
