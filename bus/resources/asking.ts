/** Asks the functions about contents, again and again while there is some progress: each of these requests may be repeated. */
import { asFrontsyncError, FrontsyncError } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { Messages } from "../../schemas/types.ts";
import type { State } from "../api.ts";
import type { Link } from "../link.ts";
import { clock } from "../platform/clock.ts";
import { pause, within, withSignal } from "../platform/deadline.ts";
import { CHUNK_BYTES, CHUNKS_AT_ONCE, HEAD_BYTES } from "../wire/contents.ts";

/** How long one try waits for its answer, ms, doubled at each: a handler that died with it never answers. No longer than the patience lasts, but
 *  for the least: a machine may have stood still before it was asked at all. */
const TRY_MS = { first: 3000, most: 10_000, least: 500 };
const RETRY_MS = { first: 50, most: 1000 };

/** How long a transfer may go on without any progress. */
export class Patience {
  readonly #ms: number;
  #since = clock.monotonic();

  constructor(ms: number) {
    this.#ms = ms;
  }

  progressed(): void {
    this.#since = clock.monotonic();
  }

  get leftMs(): number {
    return this.#ms - (clock.monotonic() - this.#since);
  }
}

export interface AskingParts {
  link: Link;
  schemas: Schemas;
  state(): State;
  /** Resolves when the right datastore answers, or the signal aborts. */
  reachable(signal: AbortSignal): Promise<void>;
}

interface Trying {
  patience: Patience;
  signal: AbortSignal;
  /** Behind the request. */
  bytes?: Uint8Array;
  /** How long a first try waits, when it is known to take longer. */
  tryMs?: number;
}

type Verb = "content-begin" | "content-chunks" | "content-end" | "content-commit" | "content-read" | "content-check";

export class Asking {
  readonly #parts: AskingParts;
  /** Of contents, each try counted. */
  sentBytes = 0;
  receivedBytes = 0;

  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  /** How many chunks go into one message here. */
  get chunksAtOnce(): number {
    const room = Math.floor((this.#parts.link.maxPayload - HEAD_BYTES) / CHUNK_BYTES);
    return Math.max(1, Math.min(CHUNKS_AT_ONCE, room));
  }

  /** Throws DATASTORE_UNREACHABLE, HELD: nothing can be asked now. */
  check(): void {
    const state = this.#parts.state();
    if (state === "held")
      throw new FrontsyncError("HELD", "No content is transferred while this webserver is held. See status().warnings.");
    if (state === "degraded")
      throw new FrontsyncError("DATASTORE_UNREACHABLE", "There is no contact with the datastore, and the content needs it.");
  }

  /** An answer that is JSON. Throws what the function refuses with; when there is no progress for too long, why. */
  async ask<V extends Verb>(verb: V, request: Messages[`${V}.request`], trying: Trying): Promise<Messages[`${V}.reply`]> {
    return this.#parts.schemas.read(`${verb}.reply`, await this.bytes(verb, request, trying)) as Messages[`${V}.reply`];
  }

  /** An answer's bytes. */
  async bytes<V extends Verb>(verb: V, request: Messages[`${V}.request`], trying: Trying): Promise<Uint8Array> {
    const { patience, signal, bytes, tryMs = 0 } = trying;
    const { link, state, reachable } = this.#parts;
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      try {
        if (state() === "held") this.check();
        if (attempt > 0 && bytes) await this.#answered(request as Messages["content-chunks.request"], trying);
        const usual = Math.min(TRY_MS.first * 2 ** attempt, TRY_MS.most);
        const timeoutMs = Math.max(tryMs, Math.min(usual, Math.max(patience.leftMs, TRY_MS.least)));
        const asking = link.ask(verb, undefined, request, timeoutMs, bytes);
        this.sentBytes += bytes?.length ?? 0;
        const reply = await within(asking, verb, { timeoutMs: timeoutMs + 1000, signal });
        if (verb === "content-read") this.receivedBytes += reply.length;
        return reply;
      } catch (thrown) {
        signal.throwIfAborted();
        const error = asFrontsyncError(thrown);
        if (error.code !== "TIMEOUT" && error.code !== "DATASTORE_UNREACHABLE") throw error;
        const { leftMs } = patience;
        if (leftMs <= 0) throw error;
        await pause(Math.min(RETRY_MS.first * 2 ** attempt, RETRY_MS.most, leftMs), signal);
        if (patience.leftMs <= 0) throw error;
        if (state() === "degraded") await withSignal(patience.leftMs, signal, reachable);
      }
    }
  }

  /** What is large goes again only to somebody who answers: a handler that has died is away for a while, and each try would go nowhere. */
  async #answered({ sha256 }: Messages["content-chunks.request"], { patience, signal }: Trying): Promise<void> {
    await this.bytes("content-begin", { sha256 }, { patience, signal });
  }
}
