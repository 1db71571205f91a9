/** The calls of a restore: each may be repeated without harm, so they are until the datastore answers. */
import type { Bus } from "../../../bus/api.ts";
import { clock } from "../../../bus/platform/clock.ts";
import { pause } from "../../../bus/platform/deadline.ts";
import { type ErrorCode, FrontsyncError } from "../../../schemas/errors.ts";
import type { Calls } from "../../../schemas/types.ts";

/** A handler that died with a call never answers: the first try is a short one. */
const TRY_MS = { first: 5000, most: 40_000 };
const PATIENCE_MS = 90_000;
const RETRY_AFTER_MS = 500;
const LOSSES: ReadonlySet<ErrorCode> = new Set(["TIMEOUT", "OUTCOME_UNKNOWN", "DATASTORE_UNREACHABLE"]);

export type Name = keyof Calls & `backups.${string}`;

/** Throws what it is refused with; after 90 s without an answer why; the signal's reason, but not before an answer that is on its way. */
export async function ask<N extends Name>(
  bus: Bus,
  name: N,
  request: Calls[N]["request"],
  signal: AbortSignal,
): Promise<Calls[N]["reply"]> {
  const until = clock.monotonic() + PATIENCE_MS;
  for (let timeoutMs = TRY_MS.first; ; timeoutMs = Math.min(timeoutMs * 2, TRY_MS.most)) {
    try {
      return await bus.call(name, request, { timeoutMs });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof FrontsyncError) || !LOSSES.has(error.code) || clock.monotonic() > until) throw error;
      await pause(RETRY_AFTER_MS, signal);
    }
  }
}
