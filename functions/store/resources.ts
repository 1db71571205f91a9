/** The documents of resources as the functions look at them: whoever may read one may read its content, and nobody else. */

import { mayRead } from "../../schemas/access.ts";
import type { Doc } from "../../schemas/document.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import { RESOURCES } from "../../schemas/resource.ts";
import type { Resource } from "../../schemas/types.ts";
import { actorBy } from "../accounts/users.ts";
import type { Context } from "../host/define.ts";
import { readDoc } from "./documents.ts";

/** As the store has it now. Throws NOT_FOUND when there is none or the user may not see it; NOT_ALLOWED when there is no such user. */
export async function readableResource(id: string, by: number, context: Context): Promise<Resource> {
  const actor = await actorBy(context.views, by);
  const doc = await readDoc<Doc>(context, RESOURCES, id);
  if (doc && (!actor || mayRead(context.schemas.collection(RESOURCES), actor, doc))) return doc as unknown as Resource;
  throw new FrontsyncError("NOT_FOUND", "There is no such resource.");
}
