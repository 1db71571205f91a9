/** The writes that waited in the outbox and were refused, as a webserver's program sees them, and as `frontsync outbox` asks for them. */
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

/** Those that are meant: a caller may have used one mutation id for several documents. Throws NOT_FOUND. */
export function lettersNamed(all: readonly DeadLetter[], mutations: "all" | readonly string[]): DeadLetter[] {
  if (mutations === "all") return [...all];
  const byMutation = new Map<string, DeadLetter[]>();
  for (const letter of all) byMutation.set(letter.mutationId, [...(byMutation.get(letter.mutationId) ?? []), letter]);
  return [...new Set(mutations)].flatMap((mutation) => byMutation.get(mutation) ?? noSuch(mutation));
}

function noSuch(mutation: string): never {
  throw new FrontsyncError(
    "NOT_FOUND",
    `There is no dead letter ${JSON.stringify(String(mutation).slice(0, 80))}; nothing was changed.`,
  );
}

export class DeadLetters {
  readonly #parts: () => DeadLetterParts;
  /** The public face. */
  readonly api: Bus["deadLetters"];

  constructor(parts: () => DeadLetterParts) {
    this.#parts = parts;
    const find = (mutation: string) => this.list.find(({ mutationId }) => mutationId === mutation) ?? noSuch(mutation);
    this.api = {
      list: async () => structuredClone([...this.list]),
      retry: async (mutationId) => await this.retry(find(mutationId)),
      content: async (mutationId) => await parts().transfers.contentOf(find(mutationId)),
      discard: async (mutationId) => await this.discard(find(mutationId)),
    };
  }

  get list(): readonly DeadLetter[] {
    return this.#parts().writes.deadLetters;
  }

  /** Several at once have one effect. Throws what it is refused with: then it stays. */
  async retry(letter: DeadLetter): Promise<Written> {
    const { writes, schemas } = this.#parts();
    const { mutationId: mutation, collection, id, op, by, at, content } = letter;
    const body = letter.body as Record<string, unknown>;
    const kept = { kind: "wait" as const, ...{ mutation, collection, op, by, at, body }, ...(content && { content }) };
    const wish = asWish(schemas.collection(collection), { ...kept, ...(id !== "" && { id }) });
    const written = await writes.write(wish.schema, wish.id, wish.body, wish.bytes, retryId(letter), { by });
    await writes.discard(letter);
    return written;
  }

  /** Throws DISK_FULL, INTERNAL: then it stays. */
  async discard(letter: DeadLetter): Promise<void> {
    await this.#parts().writes.discard(letter);
  }
}
