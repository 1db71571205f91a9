/** The streams of events that are open on this webserver. */
import type { Readable } from "node:stream";
import { type Bus, clock, FrontsyncError, log, random, type SessionClaims } from "../../../bus/index.ts";
import type { StatusView } from "../status.ts";
import { Channel, type ChannelLimits } from "./channel.ts";
import { Metrics } from "./metrics.ts";
import { Watch } from "./watch.ts";

const SECOND_MS = 1000;
const PING_MS = 15_000;
const STATUS_MS = 100;
/** Browsers that were cut off together don't come again together, ms. */
const RETRY_MS = { least: 1000, spread: 2000 };
/** The longest that a timer can wait, ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface EventLimits extends ChannelLimits {
  /** Streams of one user, and of all. */
  perUser: number;
  all: number;
  /** Changes that one is told in a second. */
  perSecond: number;
}

export const EVENT_LIMITS: EventLimits = { perUser: 20, all: 1000, perSecond: 1000, maxBytes: 256 * 1024, slowMs: 30_000 };

export interface EventsParts {
  bus: Bus;
  status: StatusView;
  counts(claims: SessionClaims): Promise<boolean>;
}

export class Events {
  readonly #parts: EventsParts;
  readonly #limits: EventLimits;
  readonly #watches = new Set<Watch>();
  #closed = false;
  #looking: NodeJS.Timeout | undefined;
  #idle: () => void = () => {};

  constructor(parts: EventsParts, limits: EventLimits = EVENT_LIMITS) {
    this.#parts = parts;
    this.#limits = limits;
  }

  get size(): number {
    return this.#watches.size;
  }

  /** The events for a session from now on, or from after `lastId`. Throws TOO_MANY_REQUESTS, WEBSERVER_BUSY, CLOSED. */
  open(claims: SessionClaims, lastId: string | undefined): Readable {
    this.#checkRoom(claims.uid);
    const channel = new Channel(this.#limits);
    const watch = new Watch({ ...this.#parts, perSecond: this.#limits.perSecond }, channel, claims);
    if (this.#watches.size === 0) this.#begin();
    this.#watches.add(watch);
    channel.retry(RETRY_MS.least + Math.floor(random.number() * RETRY_MS.spread));
    const left = Date.parse(claims.expiresAt) - clock.now();
    const expiry = setTimeout(() => watch.end(), Math.min(Math.max(0, left), MAX_TIMER_MS));
    const leave = () => {
      clearTimeout(expiry);
      if (this.#watches.delete(watch) && this.#watches.size === 0) this.#idle();
    };
    channel.over.addEventListener("abort", leave, { once: true });
    void watch.run(lastId);
    return channel.body;
  }

  /** What the status says may have changed. Every write changes something of it: so it is looked at a few times a second. */
  statusChanged(): void {
    this.#looking ??= setTimeout(() => {
      this.#looking = undefined;
      for (const watch of this.#watches) watch.tellStatus();
    }, STATUS_MS).unref();
  }

  /** Ends all, and takes none any more. */
  close(): void {
    this.#closed = true;
    for (const watch of this.#watches) watch.end();
  }

  #checkRoom(uid: number): void {
    const { perUser, all } = this.#limits;
    if (this.#closed) throw new FrontsyncError("CLOSED", "This webserver is stopping: ask another one.");
    if (this.#watches.size >= all)
      throw new FrontsyncError("WEBSERVER_BUSY", `${all} streams of events are open on this webserver, and it takes no more.`);
    if ([...this.#watches].filter(({ claims }) => claims.uid === uid).length >= perUser)
      throw new FrontsyncError("TOO_MANY_REQUESTS", `${perUser} streams of events are open for you here: close one.`);
  }

  /** While somebody listens: what all streams share. */
  #begin(): void {
    const { bus } = this.#parts;
    const stop = new AbortController();
    const metrics = new Metrics(bus.status().cursor);
    const unsubscribe = bus.onStatus(() => this.statusChanged());
    const timers = [
      setInterval(() => this.#tellMetrics(metrics), SECOND_MS),
      setInterval(() => {
        for (const watch of this.#watches) watch.ping();
      }, PING_MS),
    ];
    this.#idle = () => {
      stop.abort();
      unsubscribe();
      for (const timer of timers) clearInterval(timer);
    };
    void this.#follow(metrics, stop.signal);
  }

  #tellMetrics(metrics: Metrics): void {
    const event = metrics.take(this.#parts.bus.status().cursor);
    for (const watch of this.#watches) if (watch.admin) watch.tell("metrics", event);
  }

  async #follow(metrics: Metrics, signal: AbortSignal): Promise<void> {
    const { bus } = this.#parts;
    try {
      for await (const { collection, id, at } of bus.changes({ since: bus.status().cursor, signal })) {
        metrics.note(at);
        for (const watch of this.#watches) {
          const { claims } = watch;
          const concerned =
            (collection === "users" && id === String(claims.uid)) || (collection === "sessions" && id === claims.id);
          if (concerned) void watch.look().catch(() => watch.end());
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      // Nobody would hear that a session is over.
      log.warn({ err: error }, "the changes can't be followed: all streams of events end");
      for (const watch of this.#watches) watch.end();
    }
  }
}
