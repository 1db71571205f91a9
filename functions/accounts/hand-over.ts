/** What a deleted user owned: shareable documents go to the default admin; what nobody else could use, such as preferences, is deleted. */

import { clock } from "../../bus/platform/clock.ts";
import { log } from "../../bus/platform/log.ts";
import { readAll } from "../../bus/wire/reader.ts";
import { streamInfo } from "../../bus/wire/stream.ts";
import { STREAM, storeSubjects } from "../../bus/wire/subjects.ts";
import { FIRST_UID } from "../../schemas/accounts.ts";
import { type Doc, documentId } from "../../schemas/document.ts";
import { asFrontsyncError, FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import type { Edit } from "../commit/decide.ts";
import type { Context } from "../host/define.ts";
import { docOf } from "../store/documents.ts";
import { userOf } from "./users.ts";

/** Throws TIMEOUT when there is more than can be done by the deadline: a retry goes on. */
export async function handOver(edit: Edit, deadline: number, context: Context) {
  const uid = Number(edit.id);
  const head = (await streamInfo(context.connection))?.state.last_seq ?? 0;
  const handedOver: Record<string, number> = {};
  const pass = async (from?: number) => {
    for (const schema of context.schemas.collections.values()) {
      if (schema.owner === undefined || schema.collection === "users") continue;
      // What the system keeps of somebody is nobody's to have.
      if (schema.access === "system" && !schema.key.includes(schema.owner)) continue;
      const done = await handOverIn(schema, uid, from);
      if (done > 0) handedOver[schema.collection] = (handedOver[schema.collection] ?? 0) + done;
    }
  };

  async function handOverIn(schema: CollectionSchema, owner: number, from: number | undefined): Promise<number> {
    let done = 0;
    const subjects = storeSubjects(schema.collection);
    const all = { stream: STREAM, subjects, ...(from !== undefined && { from }) };
    for await (const versions of readAll(context.connection, all)) {
      for (const version of versions) {
        const doc = docOf(schema, version);
        if (
          doc?.[schema.owner as string] === owner &&
          (await handOne(schema, owner, documentId(schema, doc), edit, deadline, context))
        )
          done++;
      }
      if (clock.now() > deadline) throw new FrontsyncError("TIMEOUT", `What the user ${owner} owns is not handed over yet.`);
    }
    return done;
  }

  await pass();
  return {
    /** What the user made while the first pass ran. */
    async afterwards() {
      await afterStored(() => pass(head + 1));
      return Object.keys(handedOver).length > 0 ? { handedOver } : {};
    },
  };
}

/** After a user has made a document: when the user's deletion was stored before it, nobody else hands it over. */
export async function handOverLate(
  schema: CollectionSchema,
  id: string,
  edit: Pick<Edit, "mutation" | "webserver" | "by">,
  deadline: number,
  context: Context,
): Promise<void> {
  await afterStored(async () => {
    if (schema.owner === undefined || (await userOf(context.views, edit.by))) return;
    await handOne(schema, edit.by, id, { ...edit, by: 0 }, deadline, context);
  });
}

/** What goes along with a write that is stored: nobody may hear in its place that the write is not. What may be over in a moment is asked for again,
 *  together with the write. */
async function afterStored(task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (thrown) {
    const error = asFrontsyncError(thrown);
    if (error.retryable && error.code !== "INTERNAL")
      throw new FrontsyncError("TIMEOUT", `The write is stored, and what goes along with it not yet: ${error.message}`, {
        cause: thrown,
      });
    log.error({ err: thrown }, "what a deleted user owned could not be handed over");
  }
}

/** Whether the default admin owns it now; what is bound to its owner is deleted instead. */
async function handOne(
  schema: CollectionSchema,
  owner: number,
  id: string,
  { mutation, webserver, by }: Pick<Edit, "mutation" | "webserver" | "by">,
  deadline: number,
  { committer }: Pick<Context, "committer">,
): Promise<boolean> {
  const field = schema.owner as string;
  const change = (before: Doc | undefined) => (before?.[field] === owner ? { ...before, [field]: FIRST_UID } : undefined);
  const bound = schema.key.includes(field);
  const edit = {
    id,
    what: bound ? { op: "delete" as const } : { op: "change" as const, change },
    // Not the deletion's own number: of another document it would mark earlier ones as done.
    mutation: `hand-over:${mutation}`,
    by: schema.access === "system" ? 0 : by,
    webserver,
  };
  try {
    await committer.commit(schema, edit, deadline);
  } catch (error) {
    const code = error instanceof FrontsyncError ? error.code : undefined;
    // Whose own deletion is stored acts no more.
    if (code === "NOT_ALLOWED" && by === owner)
      return await handOne(schema, owner, id, { mutation, webserver, by: 0 }, deadline, { committer });
    if (code !== "NOT_FOUND") throw error;
    return false;
  }
  return !bound;
}
