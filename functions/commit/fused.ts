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
  for (;;) {
    const stage = await fuse.stage();
    // In this order: what was let go leaves what is held only after it was deleted.
    if (await fuses.decided(collection, edit)) return await run();
    // What has been done, or can't be, takes no place, and is not held.
    if (!(await wouldDelete(schema, edit, context))) return await run();
    const place = await fuse.take(edit.id, stage);
    if (place === "look again") continue;
    if (!place) break;
    try {
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
