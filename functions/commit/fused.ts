/** Every deletion that a webserver asks for goes through its collection's fuse: it is done, or, when there were too many, held. */
import { readSubject } from "../../bus/wire/stream.ts";
import { storeSubject } from "../../bus/wire/subjects.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import { hasSeen } from "../../schemas/mutation.ts";
import type { WriteReply } from "../../schemas/types.ts";
import type { Context } from "../host/define.ts";
import type { Edit } from "./decide.ts";

/** Throws FUSE_OPEN when it is held; DELETION_DISCARDED when it was, and will not be done. */
export async function throughFuse(
  schema: CollectionSchema,
  edit: Edit,
  context: Context,
  run: () => Promise<WriteReply>,
): Promise<WriteReply> {
  const { collection } = schema;
  const { fuses, committer, restoring } = context;
  const fuse = fuses.of(collection);
  if (!fuse) return await run();
  await restoring.check();
  // What has been done, or can't be, takes no place.
  if (!(await isNew(schema, edit, context))) return await run();
  await fuses.checkDiscarded(collection, edit);
  if (await fuse.take(edit.id, edit.mutation)) {
    try {
      return await run();
    } catch (error) {
      if (error instanceof FrontsyncError && !error.retryable) fuse.giveBack();
      throw error;
    }
  }
  // Only what would be done is held.
  await committer.foresee(schema, edit);
  await fuses.hold(collection, edit);
  throw new FrontsyncError(
    "FUSE_OPEN",
    `Too many documents of ${collection} were deleted within a minute. This deletion is held until an admin lets it go (\`frontsync fuse close ${collection}\`), or discards it.`,
  );
}

async function isNew({ collection }: CollectionSchema, { id, mutation }: Edit, { connection, epochs, follower }: Context) {
  await epochs.ready();
  const subject = storeSubject(collection, id);
  const hint = follower.hint(subject);
  const current = hint && !hint.deleted ? hint : await readSubject(connection, subject);
  return current !== undefined && !current.deleted && !hasSeen(current.envelope?.seen ?? "", mutation);
}
