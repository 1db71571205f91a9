/** Puts the parts of a bus together: the link to the datastore, the replica, what follows the store, the heartbeat, the writes. */
import type { Doc } from "../schemas/document.ts";
import { asFrontsyncError, FrontsyncError } from "../schemas/errors.ts";
import type { Schemas } from "../schemas/index.ts";
import type { Calls, CheckInReply, CheckInRequest } from "../schemas/types.ts";
import { ActingUser } from "./acting.ts";
import type { Bus, CallOptions, Collection, Counters, PeerStatus, PlacedChange, Resources, Scope, Status, Wait } from "./api.ts";
import { type CallParts, call } from "./calls.ts";
import { CaughtUp } from "./caught-up.ts";
import type { ChangesOptions } from "./changes.ts";
import { CheckIn } from "./check-in.ts";
import { Conflicts } from "./conflicts.ts";
import { contactWarnings } from "./contact.ts";
import { Control } from "./control.ts";
import { DeadLetters } from "./dead-letters.ts";
import { type Drift, NO_DRIFT, openDrift } from "./drift.ts";
import { Follow } from "./follow.ts";
import { Link } from "./link.ts";
import { Logins } from "./logins/index.ts";
import { Notices } from "./notices.ts";
import type { CheckedOptions } from "./options.ts";
import { type Document, OutOfTurn } from "./out-of-turn.ts";
import { Outbox } from "./outbox/outbox.ts";
import type { KeptUpload, Shown } from "./outbox/request.ts";
import { KeyedQueue } from "./platform/keyed-queue.ts";
import { log } from "./platform/log.ts";
import { Replica, type ReplicaPosition, type Row } from "./replica/index.ts";
import { Reseed } from "./reseed/index.ts";
import { ContentSync } from "./resources/index.ts";
import { changesOf, collectionOf, type ScopeParts } from "./scope.ts";
import { Sender } from "./sender.ts";
import { said, standing } from "./standing.ts";
import { REACHABLE } from "./states.ts";
import * as texts from "./texts.ts";
import { Vitals } from "./vitals.ts";
import { Waiters } from "./waiters.ts";
import type { ConnectionEvent } from "./wire/nats.ts";
import { storeSubject } from "./wire/subjects.ts";
import { Writes } from "./writes.ts";

const CHECK_IN_TIMEOUT_MS = 3000;
/** What a check-in's head is ahead of us may be on its way, ms. */
const GRACE_MS = 250;

export class EmbeddedBus implements Bus {
  readonly #options: CheckedOptions;
  readonly #schemas: Schemas;
  readonly #lock: { release(): void };
  readonly #counters: Counters = { checkIns: 0, gaps: 0, catchUps: 0, resyncs: 0, dropped: 0, ...NO_DRIFT };
  readonly #waiters = new Waiters();
  readonly #notices = new Notices(() => this.status());
  readonly #drift: Drift;
  readonly #reseed: Reseed;
  readonly #replica: Replica;
  readonly #link: Link;
  readonly #writes: Writes;
  /** Users' writes on their way to `#writes`. */
  readonly #userWrites = new KeyedQueue();
  readonly #checkIn: CheckIn;
  readonly #calling: CallParts;
  readonly #reading: ScopeParts;
  readonly #caughtUp: CaughtUp;
  readonly #logins: Logins;
  readonly transfers: ContentSync;
  readonly resources: Resources;
  #follow: Follow;
  readonly #vitals = new Vitals();
  #peers: PeerStatus[] = [];
  #generation: string | null = null;
  #closing: Promise<void> | undefined;
  #control: Control | undefined;

  readonly outbox: Bus["outbox"] = { list: async () => structuredClone(this.#writes.list()) };
  readonly #letters = new DeadLetters(() => ({ schemas: this.#schemas, writes: this.#writes, transfers: this.transfers }));
  readonly deadLetters = this.#letters.api;
  readonly conflicts = new Conflicts({
    schemas: () => this.#schemas,
    collection: (name) => this.#collection(name, undefined),
    replica: () => this.#reader(),
    row: (collection, id) => this.#row(collection, id),
  });

  static async open(options: CheckedOptions, schemas: Schemas, lock: { release(): void }): Promise<EmbeddedBus> {
    const outbox = Outbox.open(options.dir, schemas);
    let bus: EmbeddedBus;
    try {
      bus = new EmbeddedBus(options, schemas, lock, outbox);
    } catch (error) {
      await outbox.close();
      throw error;
    }
    try {
      bus.#notices.warn("OUTBOX_FULL", outbox.full);
      await bus.#start(outbox.damage);
    } catch (error) {
      await bus.#writes.close();
      await bus.#logins.close();
      await bus.#replica.close();
      throw error;
    }
    return bus;
  }

  private constructor(options: CheckedOptions, schemas: Schemas, lock: { release(): void }, outbox: Outbox) {
    this.#options = options;
    this.#schemas = schemas;
    this.#lock = lock;
    this.#replica = new Replica(
      (failed) => this.#notices.warn("SNAPSHOT_FAILED", texts.snapshotFailed(options.dir, failed)),
      (error) => this.#replicaFailed(error),
    );
    this.#link = new Link({ ...options, schemas, onEvent: (event, detail) => this.#onConnection(event, detail) });
    this.#follow = this.#newFollow({ epoch: undefined, cursor: 0, consistent: 0 });
    // For all that writes: while another store is read in the place of the one before, it waits.
    const state = () => (this.#reseed.adopting && this.#follow.state !== "held" ? "degraded" : this.#follow.state);
    this.#caughtUp = new CaughtUp({
      ...{ waiters: this.#waiters, follow: () => this.#follow, checkIn: () => this.#checkIn },
      answered: () => this.#counters.checkIns,
      pending: () => this.#writes.pending,
    });
    const holds = (revision: number, signal: AbortSignal) => this.#caughtUp.holds(revision, signal);
    const reachable = (signal: AbortSignal) => this.#waiters.until(() => REACHABLE.has(state()), signal);
    const read = (collection: string, id: string) => this.#row(collection, id);
    const held = async (collection: string, id: string) => (await this.#shown(collection, id)).doc;
    const writes = {
      webserver: options.webserver,
      schemas,
      sender: new Sender(this.#link, schemas),
      upload: (kept: KeptUpload, signal: AbortSignal) => this.transfers.deliver(kept, signal),
      maxPayload: () => this.#link.maxPayload,
      takesSchema: () => this.#link.takesSchema,
      isHeld: (revision: number) => this.#caughtUp.isHeld(revision),
      comes: (revision: number, signal: AbortSignal) => this.#caughtUp.comes(revision, signal),
      ...{ read, holds, state, reachable },
      onLost: () => this.#follow.lost(),
      onSilence: () => void this.#checkIn.now(),
      onPending: () => {
        this.#notices.warn("OUTBOX_FULL", outbox.full);
        this.#notices.changed();
        if (this.#writes.pending === 0) this.#waiters.wake();
      },
    };
    this.#writes = new Writes(writes, outbox);
    this.#reading = {
      ...{ schemas, link: this.#link, writes: this.#writes, waiters: this.#waiters, outOfTurn: new OutOfTurn(this.#waiters) },
      ...{ follow: () => this.#follow, replica: () => this.#reader(), row: read },
      ...{ checkIn: () => this.#checkIn.fresh(), closed: () => this.#closing !== undefined },
    };
    const mutationId = (given: string | undefined) => this.#writes.nextCallId(given);
    this.#calling = {
      ...{ schemas, link: this.#link, state, mutationId, holds },
      away: (signal) => this.#waiters.until(() => !REACHABLE.has(this.#follow.state), signal),
      checkIn: () => this.#checkIn.now(),
      closed: () => this.#closing !== undefined,
      alone: (name, request) => this.#logins.answer(name, request),
    };
    const warn = (code: string, message: string | undefined) => this.#notices.warn(code, message);
    this.transfers = new ContentSync({
      ...options,
      ...{ ...this.#calling, reachable, held, warn, writes: this.#writes },
      changes: (signal) => this.#collection("resources", undefined).changes({ since: 0, signal }),
    });
    this.resources = this.transfers.as(undefined);
    this.#logins = new Logins({
      ...{ ...options, schemas, link: this.#link, holds, mutationId: () => mutationId(undefined) },
      collection: (name) => this.collection(name),
      cursor: () => this.#follow.position.cursor,
    });
    this.#drift = openDrift({
      ...{ ...options, schemas, warn, counters: this.#counters, replica: this.#replica, link: this.#link },
      ...{ follow: () => this.#follow, checkIn: () => void this.#checkIn.fresh(), reload: (gone) => this.#reload(gone) },
    });
    this.#reseed = new Reseed({
      ...{ ...options, link: this.#link, schemas, replica: this.#replica, warn },
      ...{ follow: () => this.#follow, pending: () => this.#writes.pending, checkIn: () => this.#checkIn.fresh() },
      ...{ heal: (contents) => this.transfers.heal(contents), reload: () => this.#reload([]) },
    });
    this.#checkIn = new CheckIn(options.updateInterval, {
      describe: () => this.#describe(),
      send: async (request) =>
        this.#schemas.read("check-in.reply", await this.#link.ask("check-in", undefined, request, CHECK_IN_TIMEOUT_MS)),
      onReply: (reply, sent) => this.#onCheckIn(reply, sent),
      onFailure: (error) => this.#onCheckInFailed(error),
    });
  }

  async #start(damage: string | undefined): Promise<void> {
    const { position, setAside, back } = await this.#replica.call("open", {
      dir: this.#options.dir,
      schemas: this.#options.schemas,
      known: this.#replica.known.buffer,
    });
    if (back) this.#reseed.goOn();
    for (const text of setAside) this.#notices.warn("REPLICA_REBUILT", text);
    this.#notices.warn("OUTBOX_DAMAGED", damage);
    this.#notices.warn("LOGINS_DAMAGED", this.#logins.damage);
    await this.#reload([]);
    this.#follow = this.#newFollow(position);
    this.#follow.listen();
    this.transfers.start();
    this.#control = new Control({ ...this.#options, schemas: this.#schemas, letters: this.#letters });
    void this.#link.open();
  }

  async #reload(gone: readonly Document[]): Promise<void> {
    await this.conflicts.load();
    if (this.conflicts.counted()) this.#notices.changed();
    this.#reading.outOfTurn.note(gone);
  }

  #newFollow(position: ReplicaPosition): Follow {
    return new Follow(
      {
        ...{ link: this.#link, schemas: this.#schemas, counters: this.#counters },
        apply: (records, next) => this.#replica.call("apply", { records, position: next }, [records.buffer as ArrayBuffer]),
        move: (next) => void this.#replica.call("move", next).catch(() => {}),
        onState: (state) => {
          log.info({ webserver: this.#options.webserver, state }, "state");
          this.#reseed.onState(state);
          if (state === "degraded") this.#writes.lost();
          // Nobody reconnects when only the functions were gone: it is asked again and again until one answers.
          if (state === "degraded" && this.#link.connected) void this.#checkIn.now();
          this.#notices.changed();
          this.#waiters.wake();
        },
        onArrival: (change) => {
          this.#replica.known.add(change.subject);
          this.conflicts.note(change);
        },
        onPage: (records) => this.conflicts.notePage(records),
        returning: () => this.#drift.returning,
        onProgress: () => {
          if (this.conflicts.counted()) this.#notices.changed();
          this.#waiters.wake();
        },
      },
      position,
    );
  }

  collection(name: string): Collection<never> {
    return this.#collection(name, undefined) as unknown as Collection<never>;
  }

  asUser(uid: number): Scope {
    const user = new ActingUser(uid, (collection, id) => this.#shown(collection, id), this.#userWrites);
    return {
      collection: (name: string) => this.#collection(name, user) as unknown as Collection<never>,
      resources: this.transfers.as(user),
      changes: (options) => changesOf(this.#reading, user, options),
      conflicts: this.conflicts.as((name) => this.#collection(name, user)),
    };
  }

  readonly changes = (options?: ChangesOptions): AsyncIterableIterator<PlacedChange> =>
    changesOf(this.#reading, undefined, options);

  #collection(name: string, user: ActingUser | undefined): Collection<Doc> {
    return collectionOf(this.#reading, name, user);
  }

  async call<N extends keyof Calls>(name: N, request: Calls[N]["request"], options?: CallOptions): Promise<Calls[N]["reply"]> {
    this.#reader();
    return await call(this.#calling, name, request, options);
  }

  async caughtUp(revision?: number | null, options?: Wait): Promise<void> {
    this.#reader();
    await this.#caughtUp.until(revision, options);
  }

  status(): Status {
    return {
      ...standing(this.#follow, this.#generation),
      pending: this.#writes.pending,
      deadLetters: this.#writes.deadLetters.length,
      conflicts: this.conflicts.held,
      peers: [...this.#peers],
      counters: { ...this.#counters },
      warnings: this.#notices.warnings,
    };
  }

  onStatus(listener: (status: Status) => void): () => void {
    return this.#notices.onStatus(listener);
  }

  async digests(): Promise<{ generation: string | null; cursor: number; digests: Record<string, string> }> {
    const replica = this.#reader();
    const { cursor } = this.#follow.settle();
    const digests = await replica.call("digests", { fresh: true });
    return { generation: this.status().generation, cursor, digests };
  }

  setUpdateInterval(seconds: number): void {
    this.#checkIn.setInterval(seconds);
  }

  setDraining(draining: boolean): void {
    if (this.#vitals.drain(draining) && this.#follow.state !== "degraded") void this.#checkIn.fresh();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#control?.close();
    this.#checkIn.close();
    this.#reseed.close();
    this.#follow.settle();
    this.#follow.close();
    const written = this.#writes.close();
    this.transfers.close();
    this.#waiters.close(new FrontsyncError("CLOSED", "The bus is closed."));
    await this.#link.close();
    try {
      await written;
      await this.#logins.close();
      await this.#replica.close();
    } finally {
      this.#lock.release();
    }
  }

  /** The replica, for a read that is to see every change that has arrived. */
  #reader(): Replica {
    if (this.#closing) throw new FrontsyncError("CLOSED", "The bus is closed.");
    this.#follow.settle();
    return this.#replica;
  }

  async #row(collection: string, id: string): Promise<Row | undefined> {
    if (this.#closing !== undefined) throw new FrontsyncError("CLOSED", "The bus is closed.");
    const subject = storeSubject(collection, id);
    // What the replica's thread does not have yet is recent, or in a page that it is about to apply.
    const recent = this.#follow.recent.get(subject);
    if (recent || (!this.#follow.applyingPages && !this.#replica.known.mayHave(subject))) return recent;
    return await this.#replica.call("get", { collection, id });
  }

  /** As it is shown: with the writes on top that are not acknowledged. */
  async #shown(collection: string, id: string): Promise<Shown> {
    return await this.#writes.over(this.#schemas.collection(collection), id, () => this.#row(collection, id));
  }

  #onConnection(event: ConnectionEvent, detail: string): void {
    if (this.#closing) return;
    log.info({ webserver: this.#options.webserver, event, detail }, "connection");
    for (const [code, message] of contactWarnings(event, detail)) this.#notices.warn(code, message);
    if (event === "connected") void this.#checkIn.now();
    else this.#follow.lost();
  }

  async #describe(): Promise<Omit<CheckInRequest, "intervalMs">> {
    const where = await said(this.#follow, this.#drift, this.#options.externalAddr);
    return this.#drift.said({ ...where, pending: this.#writes.pending, ...this.#vitals.said(this.status()) });
  }

  #onCheckIn(reply: CheckInReply, sent: Omit<CheckInRequest, "intervalMs">): void {
    this.#counters.checkIns++;
    this.#link.meet(reply);
    this.#peers = this.#vitals.heard(reply);
    this.#notices.told(reply.warnings);
    this.#notices.warn("INCOMPATIBLE", undefined);
    this.transfers.onCheckIn(reply);
    const good = this.#follow.meet(reply.epochs, reply.head);
    this.#reseed.onCheckIn(reply, good);
    if (good) {
      this.#generation = this.#follow.generation ?? null;
      void this.#follow.expect(reply.head, GRACE_MS);
      this.#drift.heard(reply, sent);
      void this.#logins.report();
    }
    this.#notices.changed();
    this.#waiters.wake();
  }

  #onCheckInFailed(thrown: unknown): void {
    const error = asFrontsyncError(thrown);
    this.#vitals.failed(error);
    if (!error.retryable) this.#notices.warn("INCOMPATIBLE", texts.incompatible(error));
    this.#follow.lost();
  }

  #replicaFailed(error: FrontsyncError): void {
    if (this.#closing) return;
    log.fatal({ err: error }, "the replica's thread ended");
    this.#notices.warn("REPLICA_FAILED", texts.replicaEnded(error));
    this.#follow.close();
    this.#follow.lost();
    this.#writes.stop(error);
    this.#waiters.close(error);
  }
}
