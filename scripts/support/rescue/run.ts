/** What helps a user back in, done as the system, for when no admin can. */
import { existsSync } from "node:fs";
import { lchown, lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Bus, User } from "../../../bus/index.ts";
import { randomId } from "../../../bus/platform/random.ts";
import { comparable } from "../../../schemas/accounts.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { catchUp } from "../catch-up.ts";
import type { Context } from "../cli.ts";
import type { Target } from "../config/target.ts";
import { connectObserver } from "../observer.ts";
import { openDatastore } from "../start-datastore.ts";
import { inTemporaryFolder } from "../temporary-folder.ts";

const CATCH_UP_MS = 120_000;
const PAGE = 1000;

/** A datastore that runs, or the folder of one that does not. */
export type Place = { target: Target } | { dir: string };

export type Rescue = { what: "unlock" } | { what: "clear-failures" } | { what: "set-password"; password: string };

/** Throws UNKNOWN_USER, and what connectObserver and the functions throw; with a folder NOT_FOUND, and DIR_IN_USE when a datastore runs in it. */
export async function runRescue(rescue: Rescue, name: string, place: Place, context: Context): Promise<void> {
  if (!("dir" in place)) return await rescueAt(rescue, name, place.target, context).catch(tellOfFolder);
  const { dir } = place;
  // Where there is no store one would be made.
  if (!existsSync(join(dir, "jetstream")))
    throw new FrontsyncError(
      "NOT_FOUND",
      `There is no datastore in ${dir}. Give the folder of \`frontsync datastore --dir\`; one that uses a NATS of yours must run.`,
    );
  try {
    await rescueIn(dir, rescue, name, context);
  } finally {
    await giveBack(dir);
  }
}

async function rescueIn(dir: string, rescue: Rescue, name: string, context: Context): Promise<void> {
  // Nobody else is let in meanwhile.
  const controlAuth = randomId();
  const datastore = await openDatastore({ dir, port: 0, controlAuth }, context).catch((error: unknown) => {
    if (!(error instanceof FrontsyncError) || error.code !== "DIR_IN_USE") throw error;
    const todo = "Leave --dir out: --datastore says where it listens.";
    throw new FrontsyncError("DIR_IN_USE", `A datastore runs in ${dir}. ${todo}`, { cause: error });
  });
  try {
    await rescueAt(rescue, name, { datastore: [datastore.address], controlAuth }, context);
  } finally {
    await datastore.stop();
  }
}

/** What root's nats-server has made in the folder is for the user whose datastore it is: nats-server leaves out what it can't read, and says nothing. */
async function giveBack(dir: string): Promise<void> {
  const { uid, gid } = await stat(dir);
  if (process.getuid?.() !== 0 || uid === 0) return;
  for (const entry of await readdir(dir, { recursive: true })) {
    const path = join(dir, entry);
    // What is gone by now, in a folder where a datastore runs after all, needs nothing.
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.uid === 0) await lchown(path, uid, gid);
  }
}

function tellOfFolder(error: unknown): never {
  if (!(error instanceof FrontsyncError) || error.code !== "DATASTORE_UNREACHABLE") throw error;
  throw new FrontsyncError(error.code, `${error.message} If it is to stay stopped, give its folder: --dir.`, { cause: error });
}

async function rescueAt(rescue: Rescue, name: string, target: Target, context: Context): Promise<void> {
  const { output, stop } = context;
  await inTemporaryFolder(async (dir) => {
    const { bus } = await connectObserver("rescue", { target, dir, signal: stop.signal });
    try {
      await catchUp(bus, stop.signal, CATCH_UP_MS);
      const user = await userCalled(bus, name);
      output.line(await done(bus, rescue, user));
      output.figures({ ok: true, what: rescue.what, uid: user.uid, user: user.user });
    } finally {
      await bus.close();
    }
  });
}

async function done(bus: Bus, rescue: Rescue, { uid, user, locked }: User): Promise<string> {
  const who = `'${user}' (uid ${uid})`;
  if (rescue.what === "unlock") {
    await bus.call("users.setLocked", { uid, locked: false });
    return `${who} is unlocked, and the failed logins are forgotten.`;
  }
  if (rescue.what === "set-password") {
    await bus.call("users.setPassword", { uid, password: rescue.password });
    const still = locked ? ` The user is still locked: frontsync rescue unlock ${user}` : "";
    return `${who} has the new password; sessions from before are over.${still}`;
  }
  await clearFailures(bus, uid);
  return `The failed logins of ${who} are forgotten.${locked ? ` An admin's lock stays: frontsync rescue unlock ${user}` : ""}`;
}

async function clearFailures(bus: Bus, uid: number): Promise<void> {
  try {
    await bus.collection("logins").patch(String(uid), { failures: 0, lockedUntil: null });
  } catch (error) {
    // Who has never tried to log in has nothing to forget.
    if (!(error instanceof FrontsyncError) || error.code !== "NOT_FOUND") throw error;
  }
}

/** As a login finds the user: names that look alike are the same name. */
async function userCalled(bus: Bus, name: string): Promise<User> {
  let after: string | undefined;
  do {
    const page = await bus.collection("users").list({ limit: PAGE, ...(after !== undefined && { after }) });
    const found = page.items.find(({ doc }) => comparable(doc.user) === comparable(name));
    if (found) return found.doc;
    after = page.next;
  } while (after !== undefined);
  throw new FrontsyncError("UNKNOWN_USER", `There is no user called '${name.slice(0, 80)}'. Check the name.`);
}
