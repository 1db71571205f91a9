/** Asks the datastore for one write until it is known what became of it. */
import { asFrontsyncError, type ErrorCode, type FrontsyncError } from "../../schemas/errors.ts";
import type { WriteReply } from "../../schemas/types.ts";
import { deferred, pause, withSignal } from "../platform/deadline.ts";
import { log } from "../platform/log.ts";
import type { Sender } from "../sender.ts";
import { asRequest, type Kept, type KeptUpload, type Wish } from "./request.ts";

/** How long one try waits for its answer, ms; doubled at each. Short at first: a handler that died with it never answers. */
const TRY_MS = { first: 2000, most: 10_000 };
const RETRY_MS = { first: 50, most: 2000 };
/** Of what waits for a person. */
const SLOW_RETRY_MS = { first: 50, most: 10_000 };
const SLOW: readonly ErrorCode[] = ["FUSE_OPEN", "RESTORING"];
/** A write that waits goes on waiting for the end of these. */
const WAITS: readonly ErrorCode[] = ["SEEDING", "HELD", "FUSE_OPEN", "DISK_FULL", "GENERATION_CHANGED", "RESTORING"];
/** A fault that may pass, or not. */
const MAX_FAULTS = 10;

export interface DeliveryParts {
  sender: Sender;
  /** Brings a content up, and then its document. */
  upload(kept: KeptUpload, signal: AbortSignal): Promise<WriteReply>;
  /** Bytes of the largest message. */
  maxPayload(): number;
  /** Whether the datastore, which may be an older one, takes `schema` in writes. */
  takesSchema(): boolean;
  isHeld(revision: number): boolean;
  /** Resolves when this replica holds a revision, or the signal aborts. */
  holds(revision: number, signal: AbortSignal): Promise<void>;
  /** Resolves when the right datastore answers, or the signal aborts. */
  reachable(signal: AbortSignal): Promise<void>;
  /** No function answers. */
  onLost(): void;
  /** One may be there and hang: an answer did not come in time. */
  onSilence(): void;
  stop: AbortSignal;
}

type Waits = (refusal?: ErrorCode) => boolean;

export class Delivery {
  readonly #parts: DeliveryParts;
  #asking = false;
  #unanswered = false;
  readonly #stored = deferred<void>();
  #isStored = false;
  #given: FrontsyncError | undefined;
  #onGiven: (() => void) | undefined;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** The datastore said so. */
  get isStored(): boolean {
    return this.#isStored;
  }

  /** Resolves when the datastore says so; never otherwise. */
  get stored(): Promise<void> {
    return this.#stored.promise;
  }

  /** It was sent, and nobody has said that it is not stored. */
  get mayBeStored(): boolean {
    return this.#asking || this.#unanswered || this.#isStored;
  }

  /** Nobody wants it any more; what was sent may be stored nevertheless. */
  giveUp(error: FrontsyncError): void {
    this.#given = error;
    this.#onGiven?.();
  }

  /** Resolves when the datastore has stored it and this replica holds it. `waits`: whether it waits as long as it takes, or throws what keeps it from
   *  being sent; it is told of a refusal that passes. Throws what it is refused with. */
  async deliver(wish: Wish, kept: Kept, waits: Waits): Promise<WriteReply> {
    const { stop } = this.#parts;
    for (let attempt = 0; ; attempt++) {
      // What was sent is asked again when there is somebody to ask.
      if (this.#unanswered || waits()) await this.#reachable();
      if (stop.aborted) throw stop.reason;
      if (this.#given && !this.#unanswered) throw this.#given;
      let retry = RETRY_MS;
      try {
        return await this.#ask(wish, kept, attempt);
      } catch (thrown) {
        const error = asFrontsyncError(thrown);
        this.#judge(error, waits, attempt);
        if (SLOW.includes(error.code)) retry = SLOW_RETRY_MS;
      }
      await pause(doubled(retry, attempt), stop);
    }
  }

  /** Until the right datastore answers, or nobody wants it any more. */
  async #reachable(): Promise<void> {
    const { stop, reachable } = this.#parts;
    const given = new Promise<void>((resolve) => {
      this.#onGiven = resolve;
    });
    if (!this.#given) await Promise.race([reachable(stop), given]);
  }

  async #ask(wish: Wish, kept: Kept, attempt: number): Promise<WriteReply> {
    const { sender, upload, isHeld, holds, stop, takesSchema } = this.#parts;
    this.#asking = true;
    try {
      const reply = kept.content
        ? await upload(kept as KeptUpload, stop)
        : await sender.send(asRequest(wish, kept, takesSchema()), wish.bytes, doubled(TRY_MS, attempt));
      this.#isStored = true;
      this.#stored.resolve();
      // So that a get on this bus sees it; what is stored stays stored, however long that takes.
      if (!isHeld(reply.revision)) await withSignal(TRY_MS.most, stop, (signal) => holds(reply.revision, signal));
      return reply;
    } finally {
      this.#asking = false;
    }
  }

  /** Throws when the error is the end of it. */
  #judge(error: FrontsyncError, waits: Waits, attempt: number): void {
    const { code } = error;
    if (code === "TIMEOUT") {
      this.#unanswered = true;
      this.#parts.onSilence();
    } else if (code === "DATASTORE_UNREACHABLE") {
      this.#parts.onLost();
      if (!this.#unanswered && !waits()) throw error;
    } else {
      const passes = WAITS.includes(code) || (code === "INTERNAL" && attempt < MAX_FAULTS);
      if (!passes || !waits(code)) throw error;
    }
    log.debug({ code }, "a write is asked again");
  }
}

function doubled({ first, most }: { first: number; most: number }, times: number): number {
  return Math.min(first * 2 ** times, most);
}
