/** How many conflict copies there are, and whether there is room for more. Counted from the store's headers now and then; between two counts this
 *  handler adds what it keeps itself, so with several handlers the limit is about right. */
import { clock } from "../../bus/platform/clock.ts";
import { log } from "../../bus/platform/log.ts";
import { headerValue } from "../../bus/wire/envelope.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { readLatest } from "../../bus/wire/reader.ts";
import { STREAM, storeSubjects } from "../../bus/wire/subjects.ts";
import type { Warning } from "../../schemas/types.ts";

const COLLECTION = "conflicts";
const LIMITS = { copies: 10_000, bytes: 1024 ** 3 };
/** After a count, ms: less when there was no room, since somebody may have made some. */
const COUNT_MS = { room: 60_000, full: 1000 };

export class CopyRoom {
  readonly #connection: Connection;
  readonly #limits: typeof LIMITS;
  #held = { copies: 0, bytes: 0 };
  #countedAt: number | undefined;
  #counting: Promise<void> | undefined;

  constructor(connection: Connection, limits = LIMITS) {
    this.#connection = connection;
    this.#limits = limits;
  }

  /** Why there is no room for another copy; undefined: there is. */
  async full(): Promise<string | undefined> {
    const due = (this.#countedAt ?? -Infinity) + (this.#isFull() ? COUNT_MS.full : COUNT_MS.room);
    if (clock.monotonic() >= due) await this.#count();
    if (!this.#isFull()) return undefined;
    const { copies, bytes } = this.#held;
    return `${copies} conflict copies (${Math.ceil(bytes / 2 ** 20)} MiB) are kept, and there is room for no more. Resolve or discard some (bus.conflicts).`;
  }

  /** For the webservers. What can't be counted just now is no reason not to answer them. */
  async warning(): Promise<Warning[]> {
    const message = await this.full().catch((error: unknown) => {
      log.debug({ err: error }, "the conflict copies could not be counted");
      return undefined;
    });
    return message === undefined ? [] : [{ code: "CONFLICTS_FULL", message }];
  }

  /** One more was kept here. */
  kept(bytes: number): void {
    this.#held.copies++;
    this.#held.bytes += bytes;
  }

  #isFull(): boolean {
    return this.#held.copies >= this.#limits.copies || this.#held.bytes >= this.#limits.bytes;
  }

  #count(): Promise<void> {
    this.#counting ??= this.#read().finally(() => {
      this.#counting = undefined;
    });
    return this.#counting;
  }

  async #read(): Promise<void> {
    const copies = { stream: STREAM, subjects: storeSubjects(COLLECTION), headersOnly: true };
    const sizes = await readLatest(this.#connection, copies, ({ deleted, headerText }) =>
      deleted ? undefined : Number(headerValue(headerText, "Nats-Msg-Size") ?? 0),
    );
    this.#held = { copies: sizes.size, bytes: [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0) };
    this.#countedAt = clock.monotonic();
  }
}
