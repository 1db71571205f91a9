/** Every deletion that a webserver asks for goes through its collection's fuse: it is done, or, when there were too many, held. */
import { FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
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
  const { fuses, restoring } = context;
  const fuse = fuses.of(collection);
  if (!fuse) return await run();
  await restoring.check();
  // What has been done, or can't be, takes no place, and is not held.
  if (!(await wouldDelete(schema, edit, context))) return await run();
  if (await fuses.decided(collection, edit)) return await run();
  let place = await fuse.take(edit.id);
  if (place) {
    try {
      // Or an admin has decided on it while it took its place.
      if (place === "taken" && (await fuses.decided(collection, edit))) {
        fuse.giveBack(edit.id);
        place = "has one";
      }
      return await run();
    } catch (error) {
      if (place === "taken" && error instanceof FrontsyncError && !error.retryable) fuse.giveBack(edit.id);
      throw error;
    }
  }
  await fuses.hold(collection, edit);
  throw new FrontsyncError(
    "FUSE_OPEN",
    `Too many documents of ${collection} were deleted within a minute. This deletion is held until an admin lets it go (\`frontsync fuse close ${collection}\`), or discards it.`,
  );
}

async function wouldDelete(schema: CollectionSchema, edit: Edit, { committer }: Context): Promise<boolean> {
  try {
    return await committer.foresee(schema, edit);
  } catch (error) {
    // Whoever refuses it knows what else there is to do.
    if (error instanceof FrontsyncError && !error.retryable) return false;
    throw error;
  }
}
