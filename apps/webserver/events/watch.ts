/** One client's events: what its user may see of every change, how this webserver does, and for admins the figures of each second. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Bus, clock, log, type PlacedChange, type SessionClaims, type User } from "../../../bus/index.ts";
import type { StatusView } from "../status.ts";
import type { Channel } from "./channel.ts";

/** Revisions that a client may have missed and is told of. */
const MAX_MISSED = 1000;
/** A client may come from a webserver that is a moment further, ms. */
const AHEAD_MS = 2000;
/** Documents that this client was told to be gone; when there are more, all may be told once more. */
const MAX_GONE = 1000;
const REVISION = /^[1-9]\d{0,15}$/;

export interface WatchParts {
  bus: Bus;
  status: StatusView;
  /** Changes told within a second; when there are more, it is told that they are not told one by one. */
  perSecond: number;
  /** Whether a session still counts. */
  counts(claims: SessionClaims): Promise<boolean>;
}

export class Watch {
  readonly #parts: WatchParts;
  readonly #channel: Channel;
  readonly claims: SessionClaims;
  #user: User | undefined;
  /** undefined: nothing yet. What is told first says where the client stands, too. */
  #told: string | undefined;
  /** Others go on changing what this client can't see: it is told once. */
  readonly #gone = new Set<string>();

  constructor(parts: WatchParts, channel: Channel, claims: SessionClaims) {
    this.#parts = parts;
    this.#channel = channel;
    this.claims = claims;
  }

  get admin(): boolean {
    return this.#user?.admin === true;
  }

  /** Tells changes until it is over. `lastId`: of the last event that the client has. */
  async run(lastId: string | undefined): Promise<void> {
    const { bus } = this.#parts;
    try {
      await this.look();
      let since = await this.#begin(lastId);
      while (!this.#channel.over.aborted) {
        await this.#follow(since);
        if (this.#channel.over.aborted) return;
        await sleep(1000, undefined, { signal: this.#channel.over, ref: false });
        since = bus.status().cursor;
        this.#reset(since);
      }
    } catch (error) {
      log.debug({ err: error, uid: this.claims.uid }, "a stream of events ends");
    } finally {
      this.#channel.end();
    }
  }

  /** The user or the session has changed: it may be over, or see something else. */
  async look(): Promise<void> {
    const { bus, counts } = this.#parts;
    if (!(await counts(this.claims))) {
      this.#channel.end();
      return;
    }
    const before = this.#user;
    this.#user = (await bus.collection("users").get(String(this.claims.uid)))?.doc;
    if (before && rightsOf(before) !== rightsOf(this.#user)) {
      this.tellStatus();
      this.#reset(bus.status().cursor);
    }
  }

  /** If it is another one than was told last; `id`: the first one. */
  tellStatus(id?: number): void {
    if (this.#told === undefined && id === undefined) return;
    const { status } = this.#parts;
    const now = this.admin ? status.forWatchingAdmins() : status.forUsers();
    const text = JSON.stringify(now);
    if (text === this.#told) return;
    this.#told = text;
    this.#channel.send("status", now, id);
  }

  tell(event: string, data: object): void {
    this.#channel.send(event, data);
  }

  ping(): void {
    this.#channel.ping();
  }

  end(): void {
    this.#channel.end();
  }

  /** Where the client is told from. */
  async #begin(lastId: string | undefined): Promise<number> {
    const { bus } = this.#parts;
    const known = lastId === undefined ? undefined : await this.#reach(lastId);
    const { cursor } = bus.status();
    this.tellStatus(known ?? cursor);
    if (lastId !== undefined && known === undefined) this.#reset(cursor);
    return known ?? cursor;
  }

  /** The revision of the client's last event, when everything after it can be told; else undefined. */
  async #reach(lastId: string): Promise<number | undefined> {
    const { bus } = this.#parts;
    if (!REVISION.test(lastId)) return undefined;
    const revision = Number(lastId);
    if (revision > bus.status().cursor)
      await bus.caughtUp(revision, { timeoutMs: AHEAD_MS, signal: this.#channel.over }).catch(() => {});
    const missed = bus.status().cursor - revision;
    return missed >= 0 && missed <= MAX_MISSED ? revision : undefined;
  }

  /** Until it is over, or more come than are told one by one. */
  async #follow(since: number): Promise<void> {
    const signal = this.#channel.over;
    let [told, second] = [0, clock.monotonic()];
    for await (const change of this.#parts.bus.asUser(this.claims.uid).changes({ since, signal })) {
      if (clock.monotonic() - second > 1000) [told, second] = [0, clock.monotonic()];
      if (++told > this.#parts.perSecond) return;
      this.#tellChange(change);
      await this.#channel.ready();
    }
  }

  #tellChange({ collection, id, revision, op, by }: PlacedChange): void {
    const deleted = op === "delete";
    const key = `${collection}/${id}`;
    if (deleted && this.#gone.has(key)) return;
    if (this.#gone.size >= MAX_GONE) this.#gone.clear();
    if (deleted) this.#gone.add(key);
    else this.#gone.delete(key);
    // Who changes what may not be seen is nobody's business.
    this.#channel.send("change", { collection, id, revision, deleted, ...((!deleted || this.admin) && { by }) }, revision);
  }

  /** What the client has may be old: it reads all again, and is told what changes after `id`. */
  #reset(id: number): void {
    this.#gone.clear();
    this.#channel.send("reset", {}, id);
  }
}

/** What decides what a user sees. */
function rightsOf(user: User | undefined): string {
  return JSON.stringify([user?.admin === true, user?.groups ?? []]);
}
