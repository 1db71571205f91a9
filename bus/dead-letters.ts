/** The writes that waited in the outbox and were refused, as a webserver's program sees them. */
import { FrontsyncError } from "../schemas/errors.ts";
import type { Schemas } from "../schemas/index.ts";
import type { Bus, DeadLetter, Written } from "./api.ts";
import { retryId } from "./outbox/outbox.ts";
import { asWish } from "./outbox/request.ts";
import type { ContentSync } from "./resources/index.ts";
import type { Writes } from "./writes.ts";

export interface DeadLetterParts {
  schemas: Schemas;
  writes: Writes;
  transfers: ContentSync;
}

export function deadLettersOf(parts: () => DeadLetterParts): Bus["deadLetters"] {
  function find(mutation: string): DeadLetter {
    const letter = parts().writes.deadLetters.find(({ mutationId }) => mutationId === mutation);
    if (letter) return letter;
    throw new FrontsyncError("NOT_FOUND", `There is no dead letter ${JSON.stringify(String(mutation).slice(0, 80))}.`);
  }

  /** Several at once have one effect. */
  async function retry(letter: DeadLetter): Promise<Written> {
    const { writes, schemas } = parts();
    const { mutationId: mutation, collection, id, op, by, at, content } = letter;
    const body = letter.body as Record<string, unknown>;
    const kept = { kind: "wait" as const, ...{ mutation, collection, op, by, at, body }, ...(content && { content }) };
    const wish = asWish(schemas.collection(collection), { ...kept, ...(id !== "" && { id }) });
    const written = await writes.write(wish.schema, wish.id, wish.body, wish.bytes, retryId(letter), { by });
    await writes.discard(letter);
    return written;
  }

  return {
    list: async () => [...parts().writes.deadLetters],
    retry: async (mutationId) => await retry(find(mutationId)),
    content: async (mutationId) => await parts().transfers.contentOf(find(mutationId)),
    discard: async (mutationId) => await parts().writes.discard(find(mutationId)),
  };
}
