import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const CLOSE_MS = 5000;

type Close = () => Promise<void> | void;

/** What a run leaves on the machine: one temporary folder, and whatever registers here to be ended. All of it is gone after
 *  `close`, also after Ctrl-C. */
export class Stage {
  readonly dir: string;
  readonly #closers = new Set<Close>();
  #closing: Promise<void> | undefined;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** With a new folder in `parent` (default: the system's folder for temporary files). */
  static async open(parent: string = tmpdir()): Promise<Stage> {
    return new Stage(await mkdtemp(join(parent, "frontsync-bench-")));
  }

  /** Registers what ends something; returns the same, to be called earlier. It runs once. */
  defer(close: Close): () => Promise<void> {
    const once = async () => {
      if (this.#closers.delete(once)) await close();
    };
    this.#closers.add(once);
    return once;
  }

  get closing(): boolean {
    return this.#closing !== undefined;
  }

  /** Ends everything, last registered first, and removes the folder. Something that does not end within 5 s is left behind, so that
   *  one hung process does not keep the others alive. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const close of [...this.#closers].reverse()) {
      const ended = Promise.resolve(close()).catch((error) => console.error("bench: could not clean up:", error));
      await Promise.race([ended, sleep(CLOSE_MS)]);
    }
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  /** When there is no time to wait: a second Ctrl-C, or an exit that nobody planned. */
  removeNow(): void {
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 });
  }
}
