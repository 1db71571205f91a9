/** Users and groups for a test, made by the system. */
import type { Bus, Group, User } from "../../bus/index.ts";
import { FrontsyncError } from "../../schemas/errors.ts";

/** Ids for a datastore that gives none yet. */
let lastId = 1000;

/** A new user; its uid. */
export async function makeUser(bus: Bus, fields: Partial<User> = {}): Promise<number> {
  const doc = { user: `user${++lastId}`, ...fields };
  return await allocated(lastId, (uid) => bus.collection("users").put({ ...doc, ...uid }), "uid");
}

/** A new group; its gid. */
export async function makeGroup(bus: Bus, fields: Partial<Group> = {}): Promise<number> {
  const doc = { name: `group${++lastId}`, ...fields };
  return await allocated(lastId, (gid) => bus.collection("groups").put({ ...doc, ...gid }), "gid");
}

/** The id that the datastore gives; from one that expects it in the document, an id of our own. */
async function allocated(
  own: number,
  put: (id: Record<string, number>) => Promise<{ id: string }>,
  key: string,
): Promise<number> {
  try {
    return Number((await put({})).id);
  } catch (error) {
    if (!(error instanceof FrontsyncError) || error.code !== "SCHEMA_INVALID" || error.path !== `/${key}`) throw error;
    return Number((await put({ [key]: own })).id);
  }
}
