/** Follows the store: applies live changes in order, notices what is missing, and catches up by pages. */
import { epochAt, judge } from "../schemas/epochs.ts";
import { asFrontsyncError, FrontsyncError } from "../schemas/errors.ts";
import type { Schemas } from "../schemas/index.ts";
import type { Epochs } from "../schemas/types.ts";
import type { Counters, State } from "./api.ts";
import type { Link } from "./link.ts";
import { Pace } from "./pace.ts";
import { clock } from "./platform/clock.ts";
import { pause } from "./platform/deadline.ts";
import { log } from "./platform/log.ts";
import { Recent } from "./recent.ts";
import { type ReplicaPosition, reachOf } from "./replica/position.ts";
import type { Returning } from "./returning.ts";
import { type Event, TRANSITIONS } from "./states.ts";
import { type Msg, rawMessage } from "./wire/nats.ts";
import { decodePage, encodeRecords } from "./wire/page.ts";
import { LIVE_HEAD, META, storeSubject } from "./wire/subjects.ts";
import { StoredVersion } from "./wire/version.ts";

/** Live changes that wait for a catch-up, or for the replica: beyond this they are dropped, and read by pages later. */
const MAX_QUEUE_BYTES = 16 * 1024 * 1024;
/** When live changes are handed to the replica's thread: after ms, or when there are so many. `recent` holds more than these. */
const HAND_OVER_MS = 10;
const MAX_ARRIVED = 256;
const MAX_ARRIVED_BYTES = 1024 * 1024;
const RETRY_MS = { first: 100, most: 5000 };
/** Pages that the replica may still have to apply while the next one is asked for. */
const PAGES_AHEAD = 2;
const EPOCHS = storeSubject(META, "epochs");

export interface FollowOptions {
  link: Link;
  schemas: Schemas;
  counters: Counters;
  /** Hands records to the replica; the promise is kept when they are applied. */
  apply(records: Uint8Array, position: ReplicaPosition): Promise<void>;
  move(position: ReplicaPosition): void;
  onState(state: State): void;
  /** A live change is held, and the replica's thread will have it later. */
  onArrival(change: StoredVersion): void;
  /** A page's records are handed to the replica. */
  onPage(records: Uint8Array): void;
  /** Sees to it that a catch-up leaves nothing that was deleted meanwhile. */
  returning(): Pick<Returning, "begin" | "notePage" | "complete" | "suspect">;
  /** The replica holds more than before. */
  onProgress(): void;
}

export class Follow {
  readonly #options: FollowOptions;
  readonly #stop = new AbortController();
  #position: ReplicaPosition;
  #state: State = "degraded";
  #epochs: Epochs | [] = [];
  #head: number | undefined;
  #life = 0;
  #live: { unsubscribe(): void } | undefined;
  #waiting: { change: StoredVersion; bytes: number }[] = [];
  #waitingBytes = 0;
  #overflowed = false;
  #applying = 0;
  /** Live changes that the replica's thread does not have yet. Until it has them, `recent` answers for them. */
  #arrived: StoredVersion[] = [];
  #arrivedBytes = 0;
  #handOverTimer: NodeJS.Timeout | undefined;
  #waking = false;
  #pages = 0;
  #catchingUp: Promise<void> | undefined;
  readonly #pace = new Pace();
  /** What has arrived live, for reads in this thread. */
  readonly recent = new Recent();

  constructor(options: FollowOptions, position: ReplicaPosition) {
    this.#options = options;
    this.#position = { ...position };
  }

  get state(): State {
    return this.#state;
  }

  get position(): Readonly<ReplicaPosition> {
    return this.#position;
  }

  /** Whether the replica's thread may not have a page yet that the position counts. */
  get applyingPages(): boolean {
    return this.#pages > 0;
  }

  /** Hands over what has arrived: what the replica is asked next, it answers as it stands at the returned position. */
  settle(): ReplicaPosition {
    this.#handOver();
    return { ...this.#position };
  }

  /** Hands over what has arrived, and holds nothing of it here: the replica alone is asked. */
  forget(): void {
    this.#handOver();
    this.recent.clear();
  }

  /** How many stores were followed before this one. */
  get life(): number {
    return this.#life;
  }

  get head(): number | undefined {
    return this.#head;
  }

  /** The id of the store's first life, as far as it is known. */
  get generation(): string | undefined {
    return this.#epochs[0]?.epoch;
  }

  get stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  listen(): void {
    this.#live ??= this.#options.link.hear((message) => this.#hear(message));
  }

  close(): void {
    this.#stop.abort();
    this.#live?.unsubscribe();
  }

  /** The connection broke, or no function answers. What waits is read by pages: the next connection may be to another store. */
  lost(): void {
    this.#dropQueue();
    this.#on("lost");
  }

  /** What a check-in or a page says of the store. False: this replica does not belong to it, and nothing of it may be applied. */
  meet(epochs: Epochs, head: number): boolean {
    const { epoch } = this.#position;
    const cursor = reachOf(this.#position);
    const judged = judge(epochs, epoch === undefined ? undefined : { epoch, cursor });
    if (judged !== "good") {
      if (this.#state !== "held")
        log.error({ judged, epoch, cursor, epochs: epochs.slice(-3) }, "the datastore is not the one that this replica is of");
      this.#dropQueue();
      this.#on("mismatch");
      return false;
    }
    this.#epochs = epochs;
    if (epoch !== undefined && this.#position.generation !== this.generation) {
      this.#position.generation = this.generation;
      this.#handOver();
      this.#options.move({ ...this.#position });
    }
    this.#head = Math.max(this.#head ?? 0, head);
    if (this.#state !== "synced") this.#on("reached");
    return true;
  }

  /** A head that may be further than what is held. What is on its way gets `graceMs` to arrive. */
  async expect(head: number, graceMs: number): Promise<void> {
    this.#head = Math.max(this.#head ?? 0, head);
    if (this.#state === "synced" && this.#position.cursor < head) await pause(graceMs, this.#stop.signal);
    if (this.#state === "synced" && this.#position.cursor < head) this.#missed(head - this.#position.cursor);
    else if (this.#state === "catching-up") void this.catchUp();
  }

  /** Reads again what changed after a revision: rows are replaced by newer versions only, and none is taken away. */
  async reread(after: number): Promise<void> {
    this.#position.cursor = Math.min(this.#position.cursor, after);
    this.#on("behind");
    await this.catchUp();
  }

  /** A store is followed from its beginning: the rows were set back. The next answer of that store ends being held. */
  adopt(position: ReplicaPosition): void {
    this.#dropQueue();
    this.recent.clear();
    this.#epochs = [];
    this.#head = undefined;
    this.#position = { ...position };
    this.#life++;
    if (this.#state === "held") return;
    this.#on("behind");
    void this.catchUp();
  }

  /** Reads pages until nothing is pending; one catch-up at a time. Ends early when the store is lost. */
  catchUp(): Promise<void> {
    this.#catchingUp ??= this.#readPages()
      .finally(() => {
        this.#catchingUp = undefined;
      })
      // What was found to be missing while it ended was told to it, and it reads no more.
      .then(() => (this.#state === "catching-up" && !this.stopped ? this.catchUp() : undefined));
    return this.#catchingUp;
  }

  #on(event: Event): void {
    const next = TRANSITIONS[this.#state][event];
    if (next === this.#state) return;
    this.#state = next;
    this.#options.onState(next);
  }

  #hear(message: Msg): void {
    if (this.#state === "held") return;
    const known = this.#state !== "degraded"; // else it may be another store's
    if (message.subject === LIVE_HEAD) {
      const { head } = this.#options.schemas.read("head", message.data);
      if (known) void this.expect(head, 0);
      return;
    }
    const change = StoredVersion.fromLive(message.subject, rawMessage(message));
    if (!change) return;
    if (known) this.#head = Math.max(this.#head ?? 0, change.revision);
    if (this.#state === "synced") this.#take(change);
    else this.#queue(change);
  }

  #take(change: StoredVersion): void {
    const { cursor } = this.#position;
    if (change.revision <= cursor) return;
    if (change.revision > cursor + 1) {
      this.#options.counters.gaps++;
      this.#queue(change);
      this.#missed(change.revision - cursor - 1);
      return;
    }
    if (change.subject === EPOCHS) this.#epochs = this.#options.schemas.read("epochs", change.body);
    this.recent.add(change);
    this.#options.onArrival(change);
    this.#advance(change.revision);
    this.#arrived.push(change);
    this.#arrivedBytes += change.bodyLength;
    // Waking the replica's thread for each change would take the time of whoever waits for an answer just now.
    if (this.#arrived.length >= MAX_ARRIVED || this.#arrivedBytes > MAX_ARRIVED_BYTES) this.#handOver();
    else this.#handOverTimer ??= setTimeout(() => this.#handOver(), HAND_OVER_MS);
    this.#wake();
  }

  /** Once for all changes that came together. */
  #wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    queueMicrotask(() => {
      this.#waking = false;
      this.#options.onProgress();
    });
  }

  /** A change is held when it has arrived: reads are answered from `recent`, or by the replica after it. */
  #advance(revision: number): void {
    this.#position.cursor = revision;
    this.#position.consistent = revision;
    this.#position.epoch = epochAt(this.#epochs, revision) ?? this.#position.epoch;
  }

  #handOver(): void {
    clearTimeout(this.#handOverTimer);
    this.#handOverTimer = undefined;
    const changes = this.#arrived;
    if (changes.length === 0) return;
    this.#arrived = [];
    this.#arrivedBytes = 0;
    const records = encodeRecords(changes);
    const bytes = records.length; // later the bytes are the replica's, and here there are none
    this.#applying += bytes;
    this.#options
      .apply(records, { ...this.#position })
      // The next check-in's digests will differ, and the replica is read anew.
      .catch((error: unknown) => log.error({ err: error }, "live changes could not be applied"))
      .finally(() => {
        this.#applying -= bytes;
      });
    // The replica's thread can't follow: let it finish, and read the rest by pages.
    if (this.#applying > MAX_QUEUE_BYTES) this.#missed(0);
  }

  #queue(change: StoredVersion): void {
    const bytes = change.bodyLength + 1000;
    this.#waiting.push({ change, bytes });
    this.#waitingBytes += bytes;
    if (this.#waitingBytes <= MAX_QUEUE_BYTES) return;
    this.#overflowed = true;
    this.#live?.unsubscribe();
    this.#live = undefined;
    this.#dropQueue();
  }

  #dropQueue(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #missed(count: number): void {
    this.#options.counters.dropped += count;
    this.#on("behind");
    void this.catchUp();
  }

  async #readPages(): Promise<void> {
    this.forget();
    this.#options.counters.catchUps++;
    this.#options.returning().begin(this.#position);
    const applying = new Set<Promise<void>>();
    for (let wait = RETRY_MS.first; this.#state === "catching-up" && !this.stopped; ) {
      try {
        // First the subscription, then the page: nothing falls between them.
        this.#overflowed = false;
        this.listen();
        if (await this.#readPage(applying)) {
          const { cursor } = this.#position;
          await this.#options.returning().complete();
          if (this.#hold(cursor) && this.#joinLive()) return;
        }
        wait = RETRY_MS.first;
      } catch (thrown) {
        const error = asFrontsyncError(thrown);
        // Whoever closes the bus does not wait for the page.
        if (!this.stopped) log.warn({ code: error.code, reason: error.message }, "a page of changes could not be read");
        if (error.code === "TIMEOUT") this.#pace.failed(this.#options.link.pageBytes);
        if (!this.#options.link.connected) return this.lost();
        if (error.code === "DATASTORE_UNREACHABLE") this.lost();
        await pause(wait, this.#stop.signal);
        wait = Math.min(wait * 2, RETRY_MS.most);
      }
    }
  }

  /** One page, handed to the replica. True: nothing is pending. False also when a resynchronisation was begun meanwhile. */
  async #readPage(applying: Set<Promise<void>>): Promise<boolean> {
    const { link, schemas, apply, onPage, onProgress, returning } = this.#options;
    const started = clock.monotonic();
    const after = this.#position.cursor;
    const wish = this.#pace.wish(link.pageBytes);
    const page = await link.ask("changes", undefined, { after, ...wish }, this.#pace.timeoutMs);
    this.#pace.came(clock.monotonic() - started, link.pageBytes);
    const { head, records } = decodePage(schemas, page);
    if (!this.meet(head.epochs, head.head) || this.#position.cursor !== after) return false;
    if (head.last < after) throw new FrontsyncError("BAD_MESSAGE", "A page of changes ends before it begins.");
    this.#position.cursor = head.last;
    this.#position.epoch = epochAt(head.epochs, reachOf(this.#position)) ?? this.#position.epoch;
    this.#position.generation = this.generation;
    if (records.length > 0) {
      onPage(records);
      returning().notePage(records);
      this.#position.suspect = returning().suspect;
      // A copy with a buffer of its own: a Buffer's slice would be a view of what the socket goes on with.
      const applied = apply(new Uint8Array(records), { ...this.#position }).finally(() => {
        this.#pages--;
        applying.delete(applied);
      });
      this.#pages++;
      applied.catch((error: unknown) => log.error({ err: error }, "a page could not be applied"));
      applying.add(applied);
    } else this.#options.move({ ...this.#position });
    while (applying.size > PAGES_AHEAD) await Promise.race(applying);
    log.debug({ after: head.last, records: head.records, ms: clock.monotonic() - started }, "a page of changes");
    onProgress();
    return head.done && this.#position.cursor === head.last;
  }

  /** All up to here is read, and what was deleted meanwhile is gone. False: it is to be read again from further back. */
  #hold(cursor: number): boolean {
    if (this.#position.cursor !== cursor) return false;
    this.#position.consistent = Math.max(this.#position.consistent, cursor);
    this.#position.suspect = undefined;
    this.#options.move({ ...this.#position });
    this.#options.onProgress();
    return true;
  }

  /** After the last page: the live changes that came meanwhile. False: there is a gap before them. */
  #joinLive(): boolean {
    if (this.#overflowed) return false;
    const waiting = this.#waiting.map(({ change }) => change).sort((a, b) => a.revision - b.revision);
    this.#dropQueue();
    // A gap: the next page has what is missing, and the rest.
    if (waiting.some(({ revision }, index) => revision > Math.max(this.#position.cursor, waiting[index - 1]?.revision ?? 0) + 1))
      return false;
    // First: whoever hears that all is here may take what has not come again for what the store has not, and a document may have come with these alone.
    for (const change of waiting) this.#take(change);
    this.#handOver();
    this.#on("caught-up");
    if (waiting.length > 0 && this.#applying > MAX_QUEUE_BYTES) this.#missed(0);
    return true;
  }
}
