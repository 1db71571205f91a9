/** The end of a command's write that was queued: the command's folder, and its outbox with it, go when the command ends. */
import type { Bus, Written } from "../../bus/api.ts";
import { asFrontsyncError, FrontsyncError } from "../../schemas/errors.ts";
import { formatDuration } from "./numbers.ts";

const STORED_MS = 30_000;

interface Waiting {
  signal: AbortSignal;
  timeoutMs?: number;
  /** Tells whoever waits of it. */
  note?: (text: string) => void;
}

/** Resolves with the revision under which a write is stored, at once when it is. Throws what it is refused with, and DATASTORE_UNREACHABLE when it is
 *  not stored within `timeoutMs` (30 s). */
export async function untilStored(
  bus: Bus,
  { id, revision, mutationId }: Written,
  collection: string,
  { signal, timeoutMs = STORED_MS, note }: Waiting,
): Promise<number> {
  if (revision !== null) return revision;
  note?.(`The datastore can't be reached. Waiting for it, ${formatDuration(timeoutMs)} at most; Ctrl-C gives up.`);
  const waited = await bus.caughtUp(null, { timeoutMs, signal }).catch((error: unknown) => asFrontsyncError(error));
  const refusal = (await bus.deadLetters.list()).find((letter) => letter.mutationId === mutationId);
  if (refusal) throw new FrontsyncError(refusal.code, refusal.message);
  if (!(await bus.outbox.list()).some((queued) => queued.mutationId === mutationId))
    return (await bus.collection(collection).get(id))?.revision ?? 0;
  throw new FrontsyncError("DATASTORE_UNREACHABLE", "The datastore was lost before this was stored. Do it again.", {
    cause: waited,
  });
}
