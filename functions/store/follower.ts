/** A handler's view of the store: it follows the live stream. What it knows is a hint, never the truth; a write that was based on it is
 *  still conditional. */
import { log } from "../../bus/platform/log.ts";
import { RecentMap } from "../../bus/platform/recent-map.ts";
import { headerValue, readEnvelope } from "../../bus/wire/envelope.ts";
import { type Connection, type Msg, rawHeaders } from "../../bus/wire/nats.ts";
import { GC, isOwn, LIVE_ALL, LIVE_HEAD, parseStoreSubject, storeSubjectOf } from "../../bus/wire/subjects.ts";
import { headerText, isTombstone } from "../../bus/wire/version.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { Envelope, Floor } from "../../schemas/types.ts";
import { Digests } from "./digests.ts";

/** What an edit must know of the version before: so much of each is kept, and no more, since there are many. */
export type Basis = Pick<Envelope, "by" | "at" | "created" | "seen" | "origin" | "schema">;

/** What is known of a document's last version. */
export interface Hint {
  revision: number;
  deleted: boolean;
  envelope: Basis;
}

/** A version that was stored. */
export interface Committed {
  subject: string;
  revision: number;
  deleted: boolean;
  envelope: Envelope;
}

export const MAX_HINTS = 20_000;
/** Live changes are looked at together, after ms or when there are so many. */
const FOLLOW_MS = 5;
const MAX_ARRIVED = 500;
/** After a handler's last commit, ms: a webserver that lost the last live message learns of it here. */
const BEACON_DELAY_MS = 250;

export class Follower {
  readonly #connection: Connection;
  readonly #schemas: Schemas;
  readonly #onCommitted: (version: Committed) => void;
  readonly #hints = new RecentMap<string, Hint>(MAX_HINTS);
  readonly #last = new Map<string, number>();
  /** By collection. */
  readonly #floors = new Map<string, number>();
  readonly digests: Digests;
  #beacon: NodeJS.Timeout | undefined;
  #arrived: Msg[] = [];
  #timer: NodeJS.Timeout | undefined;
  #head = 0;
  #life = 0;

  /** `onCommitted`: gets every version that this handler has stored. */
  constructor(connection: Connection, schemas: Schemas, onCommitted: (version: Committed) => void) {
    this.#connection = connection;
    this.#schemas = schemas;
    this.#onCommitted = onCommitted;
    this.digests = new Digests(connection, schemas);
  }

  start(): void {
    this.#connection.subscribe(LIVE_ALL, (message) => {
      if (message.subject === LIVE_HEAD) return;
      this.#arrived.push(message);
      // Not at once: a write's acknowledgement comes right behind its live change, and somebody waits for that.
      if (this.#arrived.length >= MAX_ARRIVED) this.#followAll();
      else this.#timer ??= setTimeout(() => this.#followAll(), FOLLOW_MS);
    });
  }

  #followAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const message of this.#arrived.splice(0)) this.#follow(message);
  }

  /** From here on it is not known what was missed. */
  disconnected(): void {
    this.#life++;
  }

  /** A new connection: what was missed meanwhile is not known. */
  connected(): void {
    this.#followAll();
    this.#life++;
    this.#hints.clear();
    this.#last.clear();
    this.#floors.clear();
    void this.digests.load();
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#beacon);
    this.#announce();
  }

  /** From here on what is asked of it counts everything that has arrived. */
  settle(): void {
    if (this.#arrived.length > 0) this.#followAll();
  }

  /** Changes when something may have been missed, and when what was heard is forgotten: of what was read before, nothing here tells any more whether
   *  it is current. */
  get life(): number {
    return this.#life;
  }

  /** The last revision that was heard of; 0: none yet. */
  get head(): number {
    return this.#head;
  }

  hint(subject: string): Hint | undefined {
    const hint = this.#hints.get(subject);
    // A tombstone that is collected is perhaps not there any more.
    return hint?.deleted && hint.revision <= this.floorOf(parseStoreSubject(subject).collection) ? undefined : hint;
  }

  /** Up to which revision tombstones of a collection are collected, as far as was heard since this connection began. */
  floorOf(collection: string): number {
    return this.#floors.get(collection) ?? 0;
  }

  /** The last revision that was heard of in a collection; 0: none since this connection began. */
  lastOf(collection: string): number {
    return this.#last.get(collection) ?? 0;
  }

  /** A version that this handler has stored: known here before it comes back. */
  committed(version: Committed): void {
    this.#remember(version);
    this.#onCommitted(version);
    if (this.#beacon) return;
    this.#beacon = setTimeout(() => this.#announce(), BEACON_DELAY_MS).unref();
  }

  #follow(message: Msg): void {
    const headers = headerText(rawHeaders(message));
    const revision = Number(headerValue(headers, "Nats-Sequence") ?? 0);
    // Whoever may publish here directly is not the store.
    if (revision === 0) return;
    this.#head = Math.max(this.#head, revision);
    const subject = storeSubjectOf(message.subject);
    const { collection, token } = parseStoreSubject(subject);
    if (collection === GC) {
      this.#collected(token, subject, revision, message);
      return;
    }
    const previous = Number(headerValue(headers, "Nats-Last-Sequence") ?? 0);
    this.#last.set(collection, revision);
    const deleted = isTombstone(headers);
    this.digests.live({ collection: isOwn(collection) ? undefined : collection, subject, revision, previous, deleted });
    // What this handler stored itself it knows already.
    if (isOwn(collection) || (this.#hints.get(subject)?.revision ?? 0) >= revision) return;
    const envelope = readEnvelope(headers);
    if (envelope) this.#remember({ subject, revision, deleted: headerValue(headers, "KV-Operation") !== undefined, envelope });
  }

  #collected(collection: string, subject: string, revision: number, message: Msg): void {
    let floor: Floor | undefined;
    try {
      floor = this.#schemas.read("floor", message.data);
    } catch (error) {
      log.error({ err: error, subject }, "somebody else has written where the functions keep a floor");
    }
    if (floor) this.#floors.set(collection, floor.floor);
    this.digests.live({
      collection: floor && collection,
      subject,
      revision,
      previous: 0,
      deleted: false,
      ...(floor && { floor }),
    });
  }

  #remember({ subject, revision, deleted, envelope }: Committed): void {
    const known = this.#hints.get(subject);
    if (known && known.revision >= revision) return;
    this.#hints.set(subject, { revision, deleted, envelope: basisOf(envelope) });
    this.#head = Math.max(this.#head, revision);
  }

  #announce(): void {
    this.#beacon = undefined;
    if (!this.#connection.connected || this.#head === 0) return;
    try {
      this.#connection.publish(LIVE_HEAD, JSON.stringify({ head: this.#head }));
    } catch (error) {
      log.debug({ err: error }, "the head beacon could not be sent");
    }
  }
}

function basisOf({ by, at, created, seen, origin, schema }: Envelope): Basis {
  const basis: Basis = { by, at, created, seen };
  if (origin !== undefined) basis.origin = origin;
  if (schema !== undefined) basis.schema = schema;
  return basis;
}
