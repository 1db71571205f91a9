/** What is wrong, here and at the datastore, and who is told when the status changes. */
import type { Warning } from "../schemas/types.ts";
import type { Status } from "./api.ts";
import { log } from "./platform/log.ts";

export class Notices {
  readonly #status: () => Status;
  readonly #listeners = new Set<(status: Status) => void>();
  /** Of this webserver, by their codes. */
  readonly #here = new Map<string, string>();
  /** Of the datastore. */
  #told: readonly Warning[] = [];

  constructor(status: () => Status) {
    this.#status = status;
  }

  get warnings(): Warning[] {
    return [...[...this.#here].map(([code, message]) => ({ code, message })), ...this.#told];
  }

  /** `message` undefined: it is over. */
  warn(code: string, message: string | undefined): void {
    if (this.#here.get(code) === message) return;
    if (message === undefined) this.#here.delete(code);
    else this.#here.set(code, message);
    this.changed();
  }

  /** What the datastore warns of now. */
  told(warnings: readonly Warning[]): void {
    this.#told = warnings;
  }

  onStatus(listener: (status: Status) => void): () => void {
    // One of its own for each call: who listens twice is told twice, and stops listening once.
    const told = (status: Status) => listener(status);
    this.#listeners.add(told);
    return () => void this.#listeners.delete(told);
  }

  changed(): void {
    if (this.#listeners.size === 0) return;
    const status = this.#status();
    for (const listener of this.#listeners) {
      try {
        listener(status);
      } catch (error) {
        log.error({ err: error }, "a listener of onStatus failed");
      }
    }
  }
}
