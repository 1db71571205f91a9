/** What waits for whoever is logged in because somebody else's change counts. */
import type { ConflictCopy } from "../../../schemas/types.ts";
import { list } from "../api/lists.ts";
import { type Live, of, useLive } from "./use-live.ts";

export function useConflicts(): Live<{ items: ConflictCopy[]; more: boolean }> {
  return useLive("conflicts", (signal) => list<ConflictCopy>("/api/conflicts", { signal }), of("conflicts"));
}
