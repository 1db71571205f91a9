/** The end of a command's write that was queued: the command's folder, and its outbox with it, go when the command ends. */
import type { Bus, Written } from "../../bus/api.ts";
import { asFrontsyncError, FrontsyncError } from "../../schemas/errors.ts";

const STORED_MS = 30_000;

/** Resolves with the revision under which a write is stored, at once when it is. Throws what it is refused with, and DATASTORE_UNREACHABLE when it is
 *  not stored within `timeoutMs` (30 s). */
export async function untilStored(
  bus: Bus,
  { id, revision, mutationId }: Written,
  collection: string,
  { signal, timeoutMs = STORED_MS }: { signal: AbortSignal; timeoutMs?: number },
): Promise<number> {
  if (revision !== null) return revision;
  const waited = await bus.caughtUp(null, { timeoutMs, signal }).catch((error: unknown) => asFrontsyncError(error));
  const refusal = (await bus.deadLetters.list()).find((letter) => letter.mutationId === mutationId);
  if (refusal) throw new FrontsyncError(refusal.code, refusal.message);
  if (!(await bus.outbox.list()).some((queued) => queued.mutationId === mutationId))
    return (await bus.collection(collection).get(id))?.revision ?? 0;
  throw new FrontsyncError("DATASTORE_UNREACHABLE", "The datastore was lost before this was stored. Do it again.", {
    cause: waited,
  });
}
