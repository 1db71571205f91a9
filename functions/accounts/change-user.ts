/** The named functions' way to change a user: through the rules, whatever the fields. */
import { readSubject } from "../../bus/wire/stream.ts";
import { storeSubject } from "../../bus/wire/subjects.ts";
import type { Doc } from "../../schemas/document.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import { hasSeen } from "../../schemas/mutation.ts";
import type { User } from "../../schemas/types.ts";
import type { Caller, Context } from "../host/define.ts";

/** `change` gets the user as it is stored, perhaps several times. Throws UNKNOWN_USER, and what the rules refuse it with. */
export async function changeUser(
  { uid, mutation, by }: { uid: number; mutation: string; by: number },
  change: (user: User) => User | undefined,
  { webserver, deadline }: Caller,
  { committer, schemas }: Context,
): Promise<{ revision: number }> {
  const changed = (before: Doc | undefined) => {
    if (!before) throw new FrontsyncError("UNKNOWN_USER", `There is no user ${uid}.`, { path: "/uid" });
    return change(before as unknown as User) as Doc | undefined;
  };
  const edit = { id: String(uid), what: { op: "change" as const, change: changed }, mutation, by, webserver };
  const { revision } = await committer.commit(schemas.collection("users"), edit, deadline);
  return { revision };
}

/** The revision that contains a mutation of a user, when this is its retry: what had to be so before the change need not be so any more. */
export async function changedBefore(
  { uid, mutation }: { uid: number; mutation: string },
  { connection }: Context,
): Promise<number | undefined> {
  const stored = await readSubject(connection, storeSubject("users", String(uid)));
  return stored && hasSeen(stored.envelope?.seen ?? "", mutation) ? stored.revision : undefined;
}
