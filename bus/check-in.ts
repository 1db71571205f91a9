/** The heartbeat: at every interval, and at once after a reconnect, this webserver says where it stands and learns where it should. It
 *  replaces the polling: its cost does not grow with the data, and it only proves that nothing is missing. */

import { FrontsyncError } from "../schemas/errors.ts";
import type { CheckInReply, CheckInRequest } from "../schemas/types.ts";
import { clock } from "./platform/clock.ts";
import { pause } from "./platform/deadline.ts";
import { log } from "./platform/log.ts";
import { jittered } from "./platform/random.ts";

const JITTER = 0.1;
/** After a check-in that failed, ms; doubled each time, up to the interval, and never above 10 s: until one is answered nothing is written. */
const RETRY_MS = { first: 250, most: 10_000 };
/** Without an answer for so long, ms, it is asked a second time: a handler that died with the question never answers, and another one does. */
const SECOND_MS = 1000;
const MIN_INTERVAL_S = 0.1;
const MAX_INTERVAL_S = 3600;

/** Throws BAD_CONFIG. */
export function checkInterval(seconds: number): number {
  if (typeof seconds === "number" && seconds >= MIN_INTERVAL_S && seconds <= MAX_INTERVAL_S) return seconds;
  throw new FrontsyncError(
    "BAD_CONFIG",
    `The update interval must be ${MIN_INTERVAL_S} to ${MAX_INTERVAL_S} seconds, not ${seconds}.`,
  );
}

export interface CheckInOptions {
  /** Asks the datastore. */
  send(request: CheckInRequest): Promise<CheckInReply>;
  /** What to say now, but for the interval. */
  describe(): Promise<Omit<CheckInRequest, "intervalMs">>;
  onReply(reply: CheckInReply, sent: Omit<CheckInRequest, "intervalMs">): void;
  onFailure(error: unknown): void;
}

export class CheckIn {
  readonly #options: CheckInOptions;
  #intervalMs: number;
  #adviceMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #last = 0;
  #underway: Promise<boolean> | undefined;
  #retryMs = RETRY_MS.first;
  #closed = false;

  constructor(intervalSeconds: number, options: CheckInOptions) {
    this.#intervalMs = checkInterval(intervalSeconds) * 1000;
    this.#options = options;
  }

  get intervalMs(): number {
    return Math.max(this.#intervalMs, this.#adviceMs);
  }

  setInterval(seconds: number): void {
    this.#intervalMs = checkInterval(seconds) * 1000;
    // The time that has gone by counts.
    this.#schedule(this.#last + this.intervalMs - clock.monotonic());
  }

  /** Checks in now, once at a time, and again after the interval. False: it was not answered. */
  now(): Promise<boolean> {
    this.#underway ??= this.#run().finally(() => {
      this.#underway = undefined;
      this.#schedule(Math.min(this.intervalMs, this.#retryMs));
    });
    return this.#underway;
  }

  /** One that begins after this call. */
  async fresh(): Promise<boolean> {
    await this.#underway;
    return await this.now();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(() => void this.now(), Math.max(0, jittered(delayMs, JITTER)));
  }

  /** The first outcome of the two: to check in twice does no harm. */
  async #ask(request: CheckInRequest): Promise<CheckInReply> {
    const over = new AbortController();
    const first = this.#options.send(request);
    const second = pause(SECOND_MS, over.signal).then(() => (over.signal.aborted ? first : this.#options.send(request)));
    second.catch(() => {});
    try {
      return await Promise.race([first, second]);
    } finally {
      over.abort();
    }
  }

  async #run(): Promise<boolean> {
    this.#last = clock.monotonic();
    try {
      const sent = await this.#options.describe();
      const reply = await this.#ask({ ...sent, intervalMs: Math.round(this.intervalMs) });
      if (this.#closed) return false;
      this.#adviceMs = reply.intervalMs;
      this.#retryMs = Number.POSITIVE_INFINITY;
      this.#options.onReply(reply, sent);
      return true;
    } catch (error) {
      if (this.#closed) return false;
      log.debug({ err: error }, "a check-in was not answered");
      this.#retryMs = Number.isFinite(this.#retryMs) ? Math.min(this.#retryMs * 2, RETRY_MS.most) : RETRY_MS.first;
      this.#options.onFailure(error);
      return false;
    }
  }
}
