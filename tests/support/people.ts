/** Users and groups for a test, made by the system. */
import { type Bus, FrontsyncError, type Group, type User, type WriteOptions, type Written } from "../../bus/index.ts";
import { eventually } from "./nats-server-kit.ts";

const PATIENCE_MS = 60_000;

let made = 0;

/** What has no place in an outbox is asked again when a machine that stood still has lost it. */
async function stored(write: (options: WriteOptions) => Promise<Written>): Promise<Written> {
  let mutationId: string | undefined;
  return await eventually("it is stored", PATIENCE_MS, () =>
    write({ timeoutMs: PATIENCE_MS, ...(mutationId !== undefined && { mutationId }) }).catch((error: unknown) => {
      const lost = error instanceof FrontsyncError && ["DATASTORE_UNREACHABLE", "OUTCOME_UNKNOWN"].includes(error.code);
      if (!lost) throw error;
      mutationId ??= error.mutationId;
      return undefined;
    }),
  );
}

/** A new user; its uid. */
export async function makeUser(bus: Bus, fields: Partial<User> = {}): Promise<number> {
  const user = { user: `user${++made}`, ...fields };
  return Number((await stored((options) => bus.collection("users").put(user, options))).id);
}

/** A new group; its gid. */
export async function makeGroup(bus: Bus, fields: Partial<Group> = {}): Promise<number> {
  const group = { name: `group${++made}`, ...fields };
  return Number((await stored((options) => bus.collection("groups").put(group, options))).id);
}

/** Admins, so that every uid from 2 to `last` is one: for requests that name a uid outright. The bus must be one of a new deployment. */
export async function makeAdmins(bus: Bus, last: number): Promise<void> {
  while ((await makeUser(bus, { admin: true })) < last);
}
