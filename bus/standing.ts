/** Where a webserver stands, as its program and the datastore are told. */
import type { CheckInRequest } from "../schemas/types.ts";
import type { Status } from "./api.ts";
import type { Drift } from "./drift.ts";
import type { Follow } from "./follow.ts";
import { VERSION } from "./platform/package.ts";

/** `generation`: of the datastore that answered last. */
export function standing(
  { state, generation, head, position: { cursor, consistent } }: Follow,
  answered: string | null,
): Pick<Status, "state" | "generation" | "cursor" | "reading" | "head"> {
  return {
    state,
    generation: generation ?? answered,
    cursor: consistent,
    ...(cursor > consistent && { reading: cursor }),
    head: head ?? null,
  };
}

/** For a check-in. */
export async function said(
  follow: Follow,
  drift: Drift,
  externalAddr: string | undefined,
): Promise<Pick<CheckInRequest, "version" | "externalAddr" | "state" | "position" | "digests">> {
  const { epoch, cursor, consistent } = follow.settle();
  // Digests are of everything up to one revision: while pages are still coming there is no such one.
  const digests = cursor === consistent ? await drift.digests() : {};
  return {
    version: VERSION,
    ...(externalAddr !== undefined && { externalAddr }),
    state: follow.state,
    ...(epoch !== undefined && { position: { epoch, cursor: consistent } }),
    digests,
  };
}
