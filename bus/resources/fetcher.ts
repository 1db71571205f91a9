/** What is to be fetched, and in which order: what somebody waits for first, then the small ones before the large ones, a few at a time. */
import { asFrontsyncError } from "../../schemas/errors.ts";
import { type Deferred, deferred, pause } from "../platform/deadline.ts";
import { log } from "../platform/log.ts";
import { Patience } from "./asking.ts";
import type { Receiving } from "./receive.ts";

/** Contents on their way at once; and beside them those that somebody waits for. */
const BACKGROUND = 3;
const URGENT = 2;
const BACKGROUND_PATIENCE_MS = 30_000;
/** After the first document that is known at a start, ms: with it come many, and the small contents are to be the first. */
const GATHER_MS = 200;
const RETRY_MS = { first: 500, most: 60_000 };
/** Sizes are told apart by their powers of two. */
const SIZES = 54;

/** A document whose content is wanted, and who wants it; `end`: somebody waits. */
interface Asker {
  id: string;
  by: number;
  patience: Patience;
  end?: Deferred<void>;
}

interface Job {
  sha256: string;
  size: number;
  askers: Asker[];
  urgent: boolean;
  running: boolean;
  failures: number;
}

export interface FetcherParts {
  receive(what: Pick<Receiving, "id" | "by" | "sha256" | "size" | "patience">): Promise<void>;
  /** Resolves when the right datastore answers, or the signal aborts. */
  reachable(signal: AbortSignal): Promise<void>;
  signal: AbortSignal;
}

export class Fetcher {
  readonly #parts: FetcherParts;
  readonly #jobs = new Map<string, Job>();
  /** The last bucket: urgent. A job may be in several; it is started once. */
  readonly #buckets: string[][] = Array.from({ length: SIZES + 1 }, () => []);
  #running = 0;
  #gathering: Promise<void> | undefined;
  #gathered = false;

  constructor(parts: FetcherParts) {
    this.#parts = parts;
    parts.signal.addEventListener("abort", () => {
      for (const { askers } of this.#jobs.values()) for (const { end } of askers) end?.reject(parts.signal.reason);
    });
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#jobs.size - this.#running;
  }

  has(sha256: string): boolean {
    return this.#jobs.has(sha256);
  }

  /** In the background, until it is here. */
  want(id: string, sha256: string, size: number): void {
    this.#gathering ??= pause(GATHER_MS, this.#parts.signal).then(() => {
      this.#gathered = true;
      this.#start();
    });
    this.#add(sha256, size, { id, by: 0, patience: new Patience(BACKGROUND_PATIENCE_MS) }, false);
  }

  /** At once, for somebody who waits. Rejects with what keeps it from coming. */
  async fetch(id: string, by: number, sha256: string, size: number, patience: Patience): Promise<void> {
    const end = deferred<void>();
    end.promise.catch(() => {});
    this.#add(sha256, size, { id, by, patience, end }, true);
    await end.promise;
  }

  /** No document refers to it any more. */
  forget(sha256: string): void {
    const job = this.#jobs.get(sha256);
    if (job && !job.running && !job.urgent) this.#jobs.delete(sha256);
  }

  #add(sha256: string, size: number, asker: Asker, urgent: boolean): void {
    let job = this.#jobs.get(sha256);
    if (!job) {
      job = { sha256, size, askers: [], urgent: false, running: false, failures: 0 };
      this.#jobs.set(sha256, job);
    }
    // One for each document is enough in the background.
    if (asker.end || !job.askers.some(({ id, end }) => id === asker.id && !end)) job.askers.push(asker);
    job.urgent ||= urgent;
    if (!job.running) this.#queue(job);
    this.#start();
  }

  #queue({ sha256, size, urgent }: Job): void {
    this.#buckets[urgent ? SIZES : Math.min(SIZES - 1, Math.ceil(Math.log2(size + 1)))]?.push(sha256);
  }

  #start(): void {
    for (;;) {
      const job = this.#next();
      if (!job) return;
      job.running = true;
      this.#running++;
      void this.#run(job).finally(() => {
        this.#running--;
        this.#start();
      });
    }
  }

  #next(): Job | undefined {
    if (this.#parts.signal.aborted) return undefined;
    const order = [
      this.#buckets[SIZES] as string[],
      ...(this.#gathered && this.#running < BACKGROUND ? this.#buckets.slice(0, SIZES) : []),
    ];
    if (this.#running >= BACKGROUND + URGENT) return undefined;
    for (const bucket of order) {
      while (bucket.length > 0) {
        const job = this.#jobs.get(bucket.shift() as string);
        if (job && !job.running) return job;
      }
    }
    return undefined;
  }

  async #run(job: Job): Promise<void> {
    const { sha256, size } = job;
    while (job.askers.length > 0 && !this.#parts.signal.aborted) {
      // Who waits goes first: the others may be patient.
      const asker = job.askers.find(({ end }) => end) ?? (job.askers[0] as Asker);
      const { id, by, patience } = asker;
      try {
        patience.progressed();
        await this.#parts.receive({ id, by, sha256, size, patience });
        this.#jobs.delete(sha256);
        for (const { end } of job.askers) end?.resolve();
        return;
      } catch (thrown) {
        const error = asFrontsyncError(thrown);
        log.debug({ id, sha256, code: error.code }, "a content could not be fetched");
        asker.end?.reject(thrown);
        // This document has it no more, or this user has no right to it: that says nothing of the others.
        const refused = asker.end !== undefined || error.code === "NOT_FOUND" || error.code === "NOT_ALLOWED";
        if (refused) job.askers.splice(job.askers.indexOf(asker), 1);
        else if (!job.askers.some(({ end }) => end)) return this.#later(job);
      }
    }
    this.#jobs.delete(sha256);
  }

  #later(job: Job): void {
    job.running = false;
    job.urgent = false;
    const ms = Math.min(RETRY_MS.first * 2 ** job.failures++, RETRY_MS.most);
    void (async () => {
      await pause(ms, this.#parts.signal);
      await this.#parts.reachable(this.#parts.signal).catch(() => {});
      if (this.#parts.signal.aborted || this.#jobs.get(job.sha256) !== job || job.running) return;
      this.#queue(job);
      this.#start();
    })();
  }
}
