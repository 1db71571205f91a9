/** Which writes follow each other. */
import type { CollectionSchema } from "../../schemas/index.ts";
import { KeyedQueue } from "../platform/keyed-queue.ts";
import type { Wish } from "./request.ts";

/** Writes of one document follow each other; a new one without an id follows none of these. */
export function keyOf({ collection }: CollectionSchema, id: string | undefined, mutation: string): string {
  return `${collection}/${id ?? ` ${mutation}`}`;
}

/** New documents that the datastore places among those of one owner: which of them came first says which of them stay. */
function seriesOf({ schema, id, body }: Wish): string | undefined {
  if (id !== undefined || body.op !== "put" || schema.key.length < 2) return undefined;
  const of = schema.key.filter((field) => field !== schema.allocates).map((field) => body.doc[field]);
  return `${schema.collection}/ ${of.join("/")}`;
}

export class Turns {
  readonly #queue = new KeyedQueue();

  /** Runs `settle` when it is the write's turn. `stored`: resolves when the datastore has it. */
  run<T>(wish: Wish, key: string, stored: Promise<void>, settle: () => Promise<T>): Promise<T> {
    const series = seriesOf(wish);
    if (series === undefined) return this.#queue.run(key, settle);
    return new Promise((resolve) => {
      void this.#queue.run(series, async () => {
        const done = settle();
        resolve(done);
        // Its place is given by then; only its own caller waits until it is here.
        await Promise.race([stored, done.catch(() => {})]);
      });
    });
  }
}
