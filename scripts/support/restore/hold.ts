/** The restore as the datastore knows it: begun, or gone on with; kept while its command lives; ended. */
import type { Bus } from "../../../bus/api.ts";
import { pause } from "../../../bus/platform/deadline.ts";
import { log } from "../../../bus/platform/log.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { Calls } from "../../../schemas/types.ts";
import { ask } from "./asking.ts";

/** Well below the time after which the datastore takes a silent command for dead (functions/store/restoring.ts). */
const ALIVE_MS = 1500;
const LOOK_MS = 500;

type Asked = Omit<Calls["backups.begin"]["request"], "done" | "restore">;

export class Hold {
  readonly #bus: Bus;
  readonly #asked: Asked;
  readonly #signal: AbortSignal;
  #timer: NodeJS.Timeout | undefined;
  readonly id: string;
  readonly startedAt: string;
  /** It was begun by a command that was interrupted. */
  readonly continued: boolean;
  /** Records that were looked at, for whoever asks the datastore. */
  done = 0;

  /** Waits for a command that did the same and may be dead. Throws RESTORING when that is alive, or another restore is not over. */
  static async begin(bus: Bus, asked: Asked, signal: AbortSignal): Promise<Hold> {
    let heardOf: string | undefined;
    for (;;) {
      const reply = await ask(bus, "backups.begin", asked, signal);
      if (!reply.busy) return new Hold(bus, asked, signal, reply);
      if (heardOf !== undefined && heardOf !== reply.busy.seenAt)
        throw new FrontsyncError("RESTORING", `Another command (${reply.busy.runner}) restores this already. Wait for it.`);
      heardOf = reply.busy.seenAt;
      await pause(LOOK_MS, signal);
      signal.throwIfAborted();
    }
  }

  private constructor(
    bus: Bus,
    asked: Asked,
    signal: AbortSignal,
    { id, startedAt, continued }: Calls["backups.begin"]["reply"],
  ) {
    this.#bus = bus;
    this.#asked = asked;
    this.#signal = signal;
    this.id = id;
    this.startedAt = startedAt;
    this.continued = continued;
    this.#timer = setInterval(() => void this.#alive(), ALIVE_MS);
  }

  async endSessions(): Promise<number> {
    for (let users = 0; ; ) {
      const reply = await ask(this.#bus, "backups.sessions", { restore: this.id }, this.#signal);
      users += reply.users;
      if (reply.done) return users;
    }
  }

  /** `verified`: see the call. False: a document was written since. */
  async finish(verified?: number): Promise<boolean> {
    const request = { restore: this.id, ...(verified !== undefined && { verified }) };
    return (await ask(this.#bus, "backups.finish", request, this.#signal)).ended;
  }

  /** Says no longer that it is at work. */
  release(): void {
    clearInterval(this.#timer);
  }

  async #alive(): Promise<void> {
    try {
      await this.#bus.call("backups.begin", { ...this.#asked, restore: this.id, done: this.done }, { timeoutMs: ALIVE_MS });
    } catch (error) {
      log.debug({ err: error }, "the datastore could not be told that the restore goes on");
    }
  }
}
