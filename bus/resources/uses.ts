/** Which contents documents refer to, and which of those on this machine nobody needs any more. */
import { pause } from "../platform/deadline.ts";
import { log } from "../platform/log.ts";
import { hooks } from "../wire/hooks.ts";
import type { LocalStore } from "./local-store.ts";

/** A content stays here at least so long after the last document that referred to it, and at most twice as long, ms: somebody may have made
 *  a mistake, and the datastore heals from here. */
const KEEP_MS = 10 * 60_000;

export interface UsesParts {
  store: LocalStore;
  /** The contents that uploads need which wait or were refused. */
  waiting(): ReadonlyMap<string, number>;
  /** Whether somebody is fetching it. */
  fetching(sha256: string): boolean;
  /** Contents that must stay, whoever needs them. */
  aside: ReadonlySet<string>;
  /** Whether every document that there is is known here. */
  complete(): boolean;
  signal: AbortSignal;
}

export class Uses {
  readonly #parts: UsesParts;
  /** The content of each document, and how many documents have it. */
  readonly #contentOf = new Map<string, string>();
  readonly #uses = new Map<string, number>();
  /** Nobody needed them when they were looked at last. */
  #unused = new Set<string>();

  constructor(parts: UsesParts) {
    this.#parts = parts;
  }

  /** Whether a document refers to it. */
  has(sha256: string): boolean {
    return this.#uses.has(sha256);
  }

  /** Notes what a document's content is now; undefined: it has none. Returns the content that no document refers to any more through this. */
  refer(id: string, sha256: string | undefined): string | undefined {
    const before = this.#contentOf.get(id);
    if (before === sha256) return undefined;
    if (sha256 === undefined) this.#contentOf.delete(id);
    else {
      this.#contentOf.set(id, sha256);
      this.#uses.set(sha256, (this.#uses.get(sha256) ?? 0) + 1);
    }
    if (before === undefined) return undefined;
    const left = (this.#uses.get(before) ?? 1) - 1;
    if (left > 0) this.#uses.set(before, left);
    else this.#uses.delete(before);
    return left > 0 ? undefined : before;
  }

  /** Somebody is about to need it. */
  touch(sha256: string): void {
    this.#unused.delete(sha256);
  }

  /** Takes away what nobody has needed for a while, again and again, until the signal aborts. */
  async sweep(): Promise<void> {
    const { signal } = this.#parts;
    while (!signal.aborted) {
      await pause(hooks.keepContentsMs ?? KEEP_MS, signal);
      if (!signal.aborted && this.#parts.complete()) await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { store, waiting, fetching, aside } = this.#parts;
    const names = await store.names();
    const wanted = waiting();
    const before = this.#unused;
    const needed = (sha256: string) => this.has(sha256) || fetching(sha256);
    const stays = (sha256: string) => needed(sha256) || wanted.has(sha256) || aside.has(sha256);
    this.#unused = new Set(names.filter((sha256) => !stays(sha256)));
    for (const sha256 of before) {
      // What was touched meanwhile is not among them any more.
      if (!this.#unused.has(sha256) || needed(sha256)) continue;
      this.#unused.delete(sha256);
      await store
        .remove(sha256)
        .catch((error: unknown) => log.warn({ err: error, sha256 }, "a content could not be removed here"));
    }
  }
}
