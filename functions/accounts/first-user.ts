/** The user of the first start: `admin`, who must get another password. */
import { clock } from "../../bus/platform/clock.ts";
import { log } from "../../bus/platform/log.ts";
import { FIRST_UID } from "../../schemas/accounts.ts";
import type { PasswordHash, Warning } from "../../schemas/types.ts";
import type { Context } from "../host/define.ts";
import { type Views, wholeCollection } from "../store/views.ts";
import { userOf } from "./users.ts";

const USERS = "users";
export const FIRST_PASSWORD = "changeme";
/** Of the password that everybody knows. To make a hash is meant to be slow: it took half of a datastore's first start. */
const FIRST_HASH: PasswordHash = {
  scheme: "scrypt",
  cost: 32768,
  block: 8,
  parallel: 3,
  salt: "wzUDd4RzPf1WzP9YMILGdQ",
  hash: "PmFHnb6B7obh1YHEwSazuAofzxbJl0eNFxpE8qvguHs",
};
const FIRST_NAME = "admin";
const DEADLINE_MS = 10_000;
const WARNING =
  "The user `admin` still has the password of the first start, `changeme`. Log in and set another one (users.setPassword).";

/** Makes the first user when there has never been one. Its commit time is 0, so that it loses to any user that is brought back. */
export async function makeFirstUser({ views, committer, schemas }: Context): Promise<void> {
  if ((await views.of(wholeCollection(USERS), { certain: true })).revision > 0) return;
  const facts = { uid: FIRST_UID, user: FIRST_NAME, name: "Administrator" };
  const first = { ...facts, admin: true, password: FIRST_HASH, defaultPassword: true };
  const edit = {
    id: String(FIRST_UID),
    what: { op: "change" as const, change: (before: object | undefined) => (before ? undefined : first) },
    mutation: "first-start",
    by: 0,
    webserver: "datastore",
    at: 0,
  };
  await committer.commit(schemas.collection(USERS), edit, clock.now() + DEADLINE_MS);
  log.warn({ user: FIRST_NAME }, WARNING);
}

export async function defaultPasswordWarning(views: Views): Promise<Warning[]> {
  const first = await userOf(views, FIRST_UID);
  return first?.defaultPassword ? [{ code: "DEFAULT_PASSWORD", message: WARNING }] : [];
}
