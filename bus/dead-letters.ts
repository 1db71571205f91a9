/** The writes that waited in the outbox and were refused, as a webserver's program sees them. */
import type { Bus } from "./api.ts";
import type { ContentSync } from "./resources/index.ts";
import type { Writes } from "./writes.ts";

export function deadLettersOf(parts: () => { writes: Writes; transfers: ContentSync }): Bus["deadLetters"] {
  return {
    list: async () => [...parts().writes.deadLetters],
    retry: async (mutationId) => await parts().writes.retry(mutationId),
    content: async (mutationId) => await parts().transfers.contentOf(parts().writes.letter(mutationId)),
    discard: async (mutationId) => await parts().writes.discard(mutationId),
  };
}
