import { clock } from "../bus/platform/clock.ts";
import { readSubject } from "../bus/wire/stream.ts";
import { storeSubject } from "../bus/wire/subjects.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { hasSeen } from "../schemas/mutation.ts";
import type { FuseState, FusesCloseReply } from "../schemas/types.ts";
import { checkMay } from "./accounts/users.ts";
import { WRITE_ERRORS } from "./commit/errors.ts";
import { deleteNow } from "./delete.ts";
import { type Caller, type Context, defineFunction } from "./host/define.ts";
import { errorReply } from "./host/refusal.ts";
import type { StoredHeld } from "./store/fuses.ts";

const NAME = "fuses.close";
/** Of the caller's patience, for the answer, ms. */
const RESERVE_MS = 2000;
const AT_ONCE = 20;
const MAX_TOLD = 1000;

/** Closes a collection's fuse. What it holds is let go: done as it was asked for, unless the document has changed since; or it is discarded, and
 *  the webservers that wait for it are told. Interrupted, it goes on when it is asked again. */
const close = defineFunction({
  name: NAME,
  scope: "named",
  description: "Closes a collection's fuse, and lets what it holds go or discards it.",
  reply: "fuses.close.reply",
  errors: ["UNKNOWN_COLLECTION", ...WRITE_ERRORS],
  async handle({ collection, discard = false, by }, caller, context) {
    await checkMay(context.views, by);
    await context.epochs.ready();
    await context.restoring.check();
    context.schemas.collection(collection);
    const reply: FusesCloseReply = { done: false, count: 0, refused: [] };
    // To let go, first: what comes from here on is counted anew, but for the held ones that are asked for again meanwhile.
    if (!discard) await change(collection, context, ({ discards = false }) => ({ taken: [], discards, letsGo: true }));
    const finished = await eachHeld(collection, caller, context, async (held) => {
      if (discard) await context.fuses.discard(collection, held);
      else await letGo(collection, held, reply, caller, context);
      reply.count++;
    });
    // To discard, now: or a webserver that asks again would have its way.
    if (finished) await change(collection, context, discard ? () => ({ taken: [], discards: true }) : withoutLetsGo);
    return { ...reply, done: finished };
  },
});
export default close;

/** Of the fuse's state, however many handlers change it. */
async function change(collection: string, { fuses }: Context, next: (state: FuseState) => FuseState): Promise<void> {
  const document = fuses.of(collection)?.document;
  for (let changed = false; document && !changed; ) {
    const { value, revision } = await document.read();
    if (!value) return;
    changed = (await document.write(next(value), revision)) !== undefined;
  }
}

/** It may have opened again meanwhile. */
const withoutLetsGo = ({ letsGo: _over, ...state }: FuseState): FuseState => state;

/** Until none is left: false when there is no more time. */
async function eachHeld(
  collection: string,
  { deadline }: Caller,
  { fuses }: Context,
  work: (held: StoredHeld) => Promise<void>,
): Promise<boolean> {
  for (;;) {
    const some: StoredHeld[] = [];
    for await (const held of fuses.held(collection)) {
      if (!held.discarded) some.push(held);
      if (some.length === AT_ONCE) break;
    }
    if (some.length === 0) return true;
    if (clock.now() > deadline - RESERVE_MS) return false;
    await Promise.all(some.map(work));
  }
}

async function letGo(
  collection: string,
  held: StoredHeld,
  reply: FusesCloseReply,
  caller: Caller,
  context: Context,
): Promise<void> {
  const { id, by, webserver, base, ifRevision, mutations } = held;
  const edit = { id, what: { op: "delete" as const }, mutation: mutations[0] as string, by, webserver, base, ifRevision };
  try {
    await checkIsThere(collection, edit, context);
    await deleteNow(context.schemas.collection(collection), edit, caller.deadline, context);
  } catch (error) {
    if (!(error instanceof FrontsyncError) || error.retryable) throw error;
    reply.count--;
    // Somebody else has deleted it by now.
    if (error.code !== "NOT_FOUND" && reply.refused.length < MAX_TOLD)
      reply.refused.push({ id, refused: errorReply(error, `${NAME}: ${collection}`, close) });
  }
  await context.fuses.release(held);
}

/** A later edit of the webserver that asked for it marks all its earlier ones of the document as done, this one too. */
async function checkIsThere(collection: string, { id, mutation }: { id: string; mutation: string }, { connection }: Context) {
  const current = await readSubject(connection, storeSubject(collection, id));
  if (current && !current.deleted && hasSeen(current.envelope?.seen ?? "", mutation))
    throw new FrontsyncError(
      "REVISION_CONFLICT",
      `'${id.slice(0, 80)}' in ${collection} has changed since it was to be deleted.`,
    );
}
