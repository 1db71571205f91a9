/** Waiting until the replica holds what somebody is to see. */
import { FrontsyncError } from "../schemas/errors.ts";
import type { Wait } from "./api.ts";
import type { CheckIn } from "./check-in.ts";
import type { Follow } from "./follow.ts";
import { checkWait, DEFAULT_TIMEOUT_MS, within } from "./platform/deadline.ts";
import { HELD } from "./states.ts";
import type { Waiters } from "./waiters.ts";

/** A write's own live change may be lost: after this long the head is looked for, ms. */
const IMPATIENT_MS = 500;

export interface CaughtUpParts {
  waiters: Waiters;
  follow(): Follow;
  checkIn(): CheckIn;
  /** How many check-ins were answered. */
  answered(): number;
  /** Writes that are not acknowledged. */
  pending(): number;
}

export class CaughtUp {
  readonly #parts: CaughtUpParts;

  constructor(parts: CaughtUpParts) {
    this.#parts = parts;
  }

  /** As Bus.caughtUp. */
  async until(revision: number | null = null, options: Wait = {}): Promise<void> {
    checkWait(options);
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    if (revision !== null && !(Number.isSafeInteger(revision) && revision >= 0))
      throw new FrontsyncError("BAD_MESSAGE", `caughtUp waits for a revision, not for ${revision}.`, { path: "/revision" });
    const what = revision === null ? "Catching up with the datastore" : `Waiting for revision ${revision}`;
    const over = new AbortController();
    try {
      const waiting = revision === null ? this.#atHead(over.signal) : this.holds(revision, over.signal);
      await within(waiting, what, { timeoutMs, ...(signal && { signal }) });
    } catch (error) {
      const held = error instanceof FrontsyncError && error.code === "TIMEOUT" && this.#parts.follow().state === "held";
      throw held ? new FrontsyncError("HELD", HELD, { cause: error }) : error;
    } finally {
      over.abort();
    }
  }

  isHeld(revision: number): boolean {
    return this.#parts.follow().position.consistent >= revision;
  }

  /** Resolves when a revision is held, or the signal aborts. */
  async holds(revision: number, signal: AbortSignal): Promise<void> {
    const held = () => this.isHeld(revision);
    if (held()) return;
    const impatient = setTimeout(() => void this.#parts.checkIn().now(), IMPATIENT_MS);
    await this.#parts.waiters.until(held, signal).finally(() => clearTimeout(impatient));
  }

  /** As `holds`; also resolves when another store is followed, where that revision says nothing. */
  async comes(revision: number, signal: AbortSignal): Promise<void> {
    const { waiters, follow } = this.#parts;
    const { life } = follow();
    await waiters.until(() => this.isHeld(revision) || follow().life !== life, signal);
  }

  /** Nothing is pending, and what was the head after this call is held. */
  async #atHead(signal: AbortSignal): Promise<void> {
    const { waiters, follow, checkIn, answered, pending } = this.#parts;
    await waiters.until(() => pending() === 0, signal);
    while (!signal.aborted) {
      const before = answered();
      await checkIn().fresh();
      if (answered() > before && follow().state !== "held") break;
      const now = answered();
      await waiters.until(() => answered() > now, signal);
    }
    const head = follow().head ?? 0;
    await waiters.until(() => follow().state === "synced" && follow().position.consistent >= head, signal);
  }
}
