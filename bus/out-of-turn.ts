/** What was deleted here otherwise than by following the store: its tombstone was collected, and the store's list said it. Readers of changes find nothing of
 *  that behind the revision where they are, and are told of it by this. What was set aside nobody has deleted: it is not told, and what belongs to it stays. */
import type { FoundRow } from "./replica/methods.ts";
import type { Waiters } from "./waiters.ts";

export type Document = Pick<FoundRow, "collection" | "id">;

/** What one reader has not been told yet. */
export interface Untold {
  readonly pending: boolean;
  /** All of it: the reader looks what each of them is now. */
  take(): Document[];
  close(): void;
}

export class OutOfTurn {
  readonly #waiters: Pick<Waiters, "wake">;
  readonly #readers = new Set<{ names: ReadonlySet<string>; documents: Map<string, Document> }>();

  constructor(waiters: Pick<Waiters, "wake">) {
    this.#waiters = waiters;
  }

  /** For a reader of these collections. Each document is kept once. */
  read(names: ReadonlySet<string>): Untold {
    const reader = { names, documents: new Map<string, Document>() };
    this.#readers.add(reader);
    return {
      get pending() {
        return reader.documents.size > 0;
      },
      take() {
        const taken = [...reader.documents.values()];
        reader.documents.clear();
        return taken;
      },
      close: () => void this.#readers.delete(reader),
    };
  }

  note(documents: readonly Document[]): void {
    for (const { collection, id } of documents)
      for (const { names, documents: untold } of this.#readers)
        if (names.has(collection)) untold.set(`${collection}/${id}`, { collection, id });
    if (documents.length > 0) this.#waiters.wake();
  }
}
