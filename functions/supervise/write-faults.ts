/** A nats-server that could not write, because the disk was full, refuses every further message, also when there is room again: what it has
 *  open stays broken. So when it has said so, and the disk takes data again, it is to be started anew. */
import { rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { pause } from "../../bus/platform/deadline.ts";
import { log } from "../../bus/platform/log.ts";

/** What nats-server logs at each message that it could not store. */
const FAILED = /JetStream failed to store a msg|JetStream out of (?:space|resources)|Critical write error/;
const PROBE_BYTES = 1024 * 1024;
const LOOK_MS = 500;

export class WriteFaults {
  readonly #dir: string;
  readonly #restart: () => void;
  readonly #stop = new AbortController();
  #mending: Promise<void> | undefined;

  /** `dir`: where the store is. `restart` ends the nats-server that runs now; it is then started again. */
  constructor(dir: string, restart: () => void) {
    this.#dir = dir;
    this.#restart = restart;
  }

  /** A line of its log. */
  heard(line: string): void {
    if (!FAILED.test(line)) return;
    this.#mending ??= this.#mend(line).finally(() => (this.#mending = undefined));
  }

  close(): void {
    this.#stop.abort();
  }

  async #mend(line: string): Promise<void> {
    log.error({ line, dir: this.#dir }, "the datastore can't write: make room on its disk, and it goes on by itself");
    for (;;) {
      await pause(LOOK_MS, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      if (await this.#takesData()) break;
    }
    log.error({ dir: this.#dir }, "the disk takes data again: nats-server is started anew");
    this.#restart();
  }

  async #takesData(): Promise<boolean> {
    const probe = join(this.#dir, "probe");
    try {
      const file = await open(probe, "w", 0o600);
      try {
        await file.writeFile(Buffer.alloc(PROBE_BYTES, 1));
        await file.sync();
      } finally {
        await file.close();
      }
      return true;
    } catch {
      return false;
    } finally {
      rmSync(probe, { force: true });
    }
  }
}
