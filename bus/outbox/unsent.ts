/** What a caller is told of a write that got no answer. */
import { FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import type { State, Written } from "../api.ts";
import type { Wish } from "./request.ts";

/** It is in the outbox. */
export function waiting({ id = "", mutation }: Wish): Written {
  return { id, revision: null, mutationId: mutation };
}

/** Nothing was sent. */
export function unreachable(collection: string): FrontsyncError {
  const what = `There is no contact with the datastore, and ${collection} needs it; nothing was sent.`;
  return new FrontsyncError("DATASTORE_UNREACHABLE", `${what} Try again when status().state is synced.`);
}

/** Whether a write to a collection may be sent, or wait, in a state. Throws HELD, DATASTORE_UNREACHABLE. */
export function checkState(state: State, { collection, offline }: CollectionSchema): void {
  if (state === "held")
    throw new FrontsyncError(
      "HELD",
      "This webserver's data and the datastore's do not belong together; nothing is written. See status().warnings.",
    );
  if (state === "degraded" && !offline) throw unreachable(collection);
}

/** It was sent, and may have been stored. */
export function outcomeUnknown(collection: string, cause?: unknown): FrontsyncError {
  const what = `A write to ${collection} was sent, and contact was lost before the answer.`;
  return new FrontsyncError("OUTCOME_UNKNOWN", `${what} Try again with its mutation id.`, { cause });
}
