/** Writes: one unresolved mutation for each document, in order. A mutation whose answer is lost is asked again under its own id until the
 *  datastore says what became of it, whether or not its caller still waits. Without contact it waits in the outbox, on the disk. */
import { setMaxListeners } from "node:events";
import { FrontsyncError } from "../schemas/errors.ts";
import type { CollectionSchema, Schemas } from "../schemas/index.ts";
import { mutationId } from "../schemas/mutation.ts";
import type { DeadLetter, Queued, State, WriteOptions, Written } from "./api.ts";
import { Delivery, type DeliveryParts } from "./outbox/delivery.ts";
import type { Outbox } from "./outbox/outbox.ts";
import {
  asKept,
  asWish,
  checkEdit,
  isOfUnknown,
  type Kept,
  queuedWish,
  type Shown,
  type Wish,
  type WriteBody,
} from "./outbox/request.ts";
import { told } from "./outbox/told.ts";
import { keyOf, Turns } from "./outbox/turns.ts";
import { checkState, outcomeUnknown, unreachable, waiting } from "./outbox/unsent.ts";
import { clock } from "./platform/clock.ts";
import { DEFAULT_TIMEOUT_MS, type Deferred, deferred, within } from "./platform/deadline.ts";
import { log } from "./platform/log.ts";
import { randomId } from "./platform/random.ts";
import { RecentMap } from "./platform/recent-map.ts";
import type { Row } from "./replica/index.ts";
import { readEnvelope } from "./wire/envelope.ts";

const MUTATION_ID = /^[A-Za-z0-9_.:-]{1,128}$/;
const MAX_PENDING = 10_000;
const MAX_REFUSED = 10_000;
const MAX_PENDING_BYTES = 256 * 1024 * 1024;

/** `by`: the uid that writes; 0: the system. */
export type ActorOptions = WriteOptions & { by: number };

export interface WritesOptions extends Omit<DeliveryParts, "stop"> {
  webserver: string;
  schemas: Schemas;
  /** The row that is held, also a tombstone. */
  read(collection: string, id: string): Promise<Row | undefined>;
  state(): State;
  /** Resolves when this replica holds a revision, or follows another store, or the signal aborts. */
  comes(revision: number, signal: AbortSignal): Promise<void>;
  /** The number of pending writes, or of dead letters, has changed. */
  onPending(): void;
}

interface Pending {
  readonly wish: Wish;
  /** Of its document. */
  readonly key: string;
  /** With its basis, once that is known. */
  kept?: Promise<Kept>;
  /** It is being written to the outbox, or is there. */
  keeping?: Promise<void>;
  inOutbox: boolean;
  /** It is stored, and this replica does not hold it yet: until then it is shown as before. */
  coming?: Promise<void>;
  /** Nothing of it is stored, and nothing will be: it was never sent, or refused. */
  notStored?: true;
  readonly delivery: Delivery;
  /** What its caller hears: that it is in the outbox, that it can't be, or its end; whichever comes first. */
  readonly answer: Deferred<Written>;
  done: Promise<Written>;
}

/** Of a write that is not on its way yet. */
const NOT_BEGUN = new Promise<Written>(() => {});

export class Writes {
  readonly #options: WritesOptions;
  readonly #delivery: DeliveryParts;
  readonly #outbox: Outbox;
  readonly #turns = new Turns();
  readonly #pending = new Map<string, Pending>();
  readonly #ofDocument = new Map<string, Pending[]>();
  readonly #stop = new AbortController();
  /** A new one at each start: numbers need not be kept on disk, and a folder put back from a backup can't use them twice. */
  readonly #incarnation = randomId().slice(-10);
  /** Mutations that were refused, and the number under which a retry goes, once there was one. */
  readonly #refused = new RecentMap<string, { successor?: string }>(MAX_REFUSED);
  #pendingBytes = 0;
  #n = 0;

  /** What waits in the outbox goes on its way when the datastore answers. */
  constructor(options: WritesOptions, outbox: Outbox) {
    this.#options = options;
    this.#delivery = { ...options, stop: this.#stop.signal };
    this.#outbox = outbox;
    // Each write that waits listens.
    setMaxListeners(0, this.#stop.signal);
    for (const kept of outbox.waiting) {
      const schema = options.schemas.collections.get(kept.collection);
      if (schema) this.#add(asWish(schema, kept), kept);
      else void outbox.dead(kept, "UNKNOWN_COLLECTION", `No schema declares ${kept.collection} here any more.`);
    }
    for (const { mutationId: mutation, collection, id } of outbox.deadLetters)
      this.#refused.set(`${mutation} ${collection}/${id || ` ${mutation}`}`, {});
  }

  get pending(): number {
    return this.#pending.size;
  }

  get deadLetters(): readonly DeadLetter[] {
    return this.#outbox.deadLetters;
  }

  /** Whether a document has a write that is not acknowledged. */
  isPending(collection: string, id: string): boolean {
    return this.#ofDocument.has(`${collection}/${id}`);
  }

  /** A document as it is shown: what is held, with the writes on top that are not acknowledged. `read` gives its row; again, when one of those
   *  writes has reached the replica meanwhile: it may not be in the row yet. */
  async over(schema: CollectionSchema, id: string, read: () => Promise<Row | undefined>): Promise<Shown> {
    const pending = () => (this.#ofDocument.get(`${schema.collection}/${id}`) ?? []).map(({ wish }) => wish);
    for (;;) {
      const before = pending();
      const row = await read();
      const wishes = pending();
      if (before.every((wish) => wishes.includes(wish))) return told(schema, row, wishes);
    }
  }

  /** The ids in a collection that have such writes. */
  pendingIn(collection: string): string[] {
    if (this.#ofDocument.size === 0) return [];
    const wishes = [...this.#ofDocument.values()].flatMap(([first]) => first?.wish ?? []);
    return wishes.filter(({ schema }) => schema.collection === collection).flatMap(({ id }) => id ?? []);
  }

  list(): Queued[] {
    return [...this.#pending.values()].map(({ wish }) => queuedWish(wish));
  }

  /** The contents that uploads need which wait or were refused, by their hashes, and their sizes. */
  contents(): Map<string, number> {
    const all = [...this.list(), ...this.deadLetters].flatMap(({ content }) => content ?? []);
    return new Map(all.map(({ sha256, size }) => [sha256, size]));
  }

  /** From now on nothing is asked, and nothing is taken: `error` says why. What waits on the disk goes on waiting there, for the next process. */
  stop(error: FrontsyncError): void {
    this.#stop.abort(error);
  }

  async close(): Promise<void> {
    this.stop(new FrontsyncError("CLOSED", "The bus was closed."));
    await Promise.allSettled([...this.#pending.values()].flatMap(({ done, keeping }) => [done, keeping]));
    await this.#outbox.close();
  }

  nextMutationId(given: string | undefined): string {
    if (given === undefined) return mutationId(this.#options.webserver, this.#incarnation, ++this.#n);
    if (typeof given === "string" && MUTATION_ID.test(given)) return given;
    throw new FrontsyncError("BAD_MESSAGE", "A mutation id has 1 to 128 characters of [A-Za-z0-9_.:-].", { path: "/mutationId" });
  }

  /** For a named function. It may change a document that a write of ours is under way to, so it must not count among the numbers of those. */
  nextCallId(given: string | undefined): string {
    return given === undefined ? `call:${this.nextMutationId(undefined)}` : this.nextMutationId(given);
  }

  /** Stores one edit. `id` undefined: of a new document, whose id the datastore gives. `mutation`: from nextMutationId. `bytes`: about the
   *  size of its body. */
  async write(
    schema: CollectionSchema,
    id: string | undefined,
    body: WriteBody,
    bytes: number,
    mutation: string,
    options: ActorOptions,
  ): Promise<Written> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal, ifRevision, by } = options;
    signal?.throwIfAborted();
    const key = keyOf(schema, id, mutation);
    const current = this.#numberOf(`${mutation} ${key}`, mutation);
    const at = new Date(clock.now()).toISOString();
    // A retry of a write that is still under way waits for that one.
    const pending =
      this.#pending.get(`${current} ${key}`) ?? this.#begin({ schema, id, body, bytes, mutation: current, by, ifRevision, at });
    try {
      return await within(pending.answer.promise, `Writing '${(id ?? "a new document").slice(0, 80)}' in ${schema.collection}`, {
        timeoutMs,
        ...(signal && { signal }),
      });
    } catch (error) {
      if (!(error instanceof FrontsyncError)) throw error;
      if (!error.retryable && error.code !== "CLOSED") this.#noteRefusal(`${mutation} ${key}`, current);
      const unknown = error.code === "TIMEOUT" && !schema.offline && pending.delivery.mayBeStored;
      const code = unknown ? "OUTCOME_UNKNOWN" : error.code;
      // Later numbers overtake one that is not stored: on another webserver it would look as if it were.
      const mutationId = pending.notStored && options.mutationId === undefined ? `again:${mutation}` : mutation;
      throw new FrontsyncError(code, error.message, { ...error, mutationId, cause: error });
    }
  }

  /** Contact is lost: what is under way waits in the outbox, and its callers need not. What may not wait there is asked again as long as somebody
   *  waits for it, if it was sent. */
  lost(): void {
    for (const pending of [...this.#pending.values()]) {
      const { schema } = pending.wish;
      if (schema.offline) this.#keep(pending);
      else if (!pending.delivery.mayBeStored) this.#giveUp(pending, unreachable(schema.collection));
    }
  }

  /** Takes a dead letter out. Throws DISK_FULL, INTERNAL: then it stays. */
  async discard(letter: DeadLetter): Promise<void> {
    await this.#outbox.discard(letter);
    this.#options.onPending();
  }

  #begin(wish: Wish): Pending {
    const { schema, ifRevision, bytes } = wish;
    const state = this.#options.state();
    this.#stop.signal.throwIfAborted();
    checkState(state, schema);
    if (ifRevision !== undefined && !(Number.isSafeInteger(ifRevision) && ifRevision >= 0)) {
      throw new FrontsyncError("BAD_MESSAGE", `ifRevision must be a revision or 0, not ${ifRevision}.`, { path: "/ifRevision" });
    }
    if (this.#pending.size >= MAX_PENDING || (this.#pending.size > 0 && this.#pendingBytes + bytes > MAX_PENDING_BYTES)) {
      throw new FrontsyncError(
        "DATASTORE_UNREACHABLE",
        `${this.#pending.size} writes wait for the datastore already. Try again later.`,
      );
    }
    const pending = this.#add(wish);
    if (state === "degraded") this.#keep(pending);
    this.#options.onPending();
    return pending;
  }

  #add(wish: Wish, kept?: Kept): Pending {
    const { schema, id, mutation, bytes } = wish;
    const key = keyOf(schema, id, mutation);
    const delivery = new Delivery(this.#delivery);
    const pending: Pending = {
      wish,
      key,
      ...(kept && { kept: Promise.resolve(kept) }),
      inOutbox: kept !== undefined,
      delivery,
      answer: deferred<Written>(),
      done: NOT_BEGUN,
    };
    pending.answer.promise.catch(() => {});
    if (kept) pending.answer.resolve(waiting(wish));
    this.#pending.set(`${mutation} ${key}`, pending);
    const others = this.#ofDocument.get(key);
    if (others) others.push(pending);
    else this.#ofDocument.set(key, [pending]);
    this.#pendingBytes += bytes;
    pending.done = this.#turns.run(wish, key, delivery.stored, () => this.#settle(pending));
    pending.done.then(pending.answer.resolve, pending.answer.reject);
    return pending;
  }

  #forget(pending: Pending): void {
    const { key, wish, coming, inOutbox } = pending;
    // What waits on the disk when the bus is closed goes on waiting there: nobody is to be told that it does not.
    const waits = inOutbox && this.#stop.signal.aborted;
    if (waits || this.#pending.get(`${wish.mutation} ${key}`) !== pending) return;
    this.#pending.delete(`${wish.mutation} ${key}`);
    this.#pendingBytes -= wish.bytes;
    if (coming) void coming.catch(() => {}).then(() => this.#hide(pending));
    else this.#hide(pending);
    this.#options.onPending();
  }

  #hide(pending: Pending): void {
    // A read that is under way while the bus is closed shows what goes on waiting on the disk.
    if (this.#stop.signal.aborted) return;
    const others = (this.#ofDocument.get(pending.key) ?? []).filter((other) => other !== pending);
    if (others.length > 0) this.#ofDocument.set(pending.key, others);
    else this.#ofDocument.delete(pending.key);
  }

  /** Nothing of it was sent, and nothing will be. It is shown no longer, also when others of its document wait before it. */
  #giveUp(pending: Pending, error: FrontsyncError): void {
    pending.notStored = true;
    pending.delivery.giveUp(error);
    this.#forget(pending);
    pending.answer.reject(error);
  }

  /** Brings a write to its end: stored, or refused. */
  async #settle(pending: Pending): Promise<Written> {
    const { wish, delivery } = pending;
    try {
      const kept = await this.#basis(pending);
      const { id, revision, handedOver } = await delivery.deliver(wish, kept, (refusal) => {
        // Nobody can say how long that takes: it waits on the disk.
        if (refusal === "SEEDING" && wish.schema.offline) this.#keep(pending);
        const waits = pending.inOutbox || pending.keeping !== undefined;
        if (!waits) checkState(this.#options.state(), wish.schema);
        return waits;
      });
      await pending.keeping?.catch(() => {});
      if (pending.inOutbox) await this.#outbox.stored(kept, (await this.#isOwn(pending, revision)) ? revision : undefined);
      const { comes, isHeld } = this.#options;
      if (!isHeld(revision) && this.#ofDocument.size < MAX_PENDING) pending.coming = comes(revision, this.#stop.signal);
      return { id, revision, mutationId: wish.mutation, ...(handedOver && { handedOver }) };
    } catch (thrown) {
      const error = thrown as FrontsyncError;
      await pending.keeping?.catch(() => {});
      // Nobody has refused it. The connection goes first when the bus is closed.
      const { aborted, reason } = this.#stop.signal;
      if (aborted) throw new FrontsyncError(reason.code, reason.message, { cause: error });
      if (!delivery.mayBeStored) pending.notStored = true;
      if (pending.inOutbox) await this.#bury(pending, error);
      throw error;
    } finally {
      this.#forget(pending);
    }
  }

  async #bury({ kept, wish, key }: Pending, { code, message }: FrontsyncError): Promise<void> {
    log.warn(
      { mutation: wish.mutation, collection: wish.schema.collection, code },
      "a write that waited was refused: see the dead letters",
    );
    const record = await kept;
    if (record) await this.#outbox.dead(record, code, message);
    this.#refused.set(`${wish.mutation} ${key}`, {});
  }

  /** Whether a revision is the write's own, and not that of a later version that has it in it: what comes next was not made on that. An answer may tell of
   *  such a one also when it was asked for once: a handler that had none from the store looks what became of the write. */
  async #isOwn({ wish: { id, schema, mutation }, key }: Pending, revision: number): Promise<boolean> {
    if (id === undefined) return true;
    const { isHeld, comes } = this.#options;
    // Its row tells, and after an outage may be long in coming. What was made on it waits for that: else it would be refused for it.
    if (!isHeld(revision) && (this.#ofDocument.get(key)?.length ?? 0) > 1) await comes(revision, this.#stop.signal);
    const row = await this.#options.read(schema.collection, id).catch(() => undefined);
    return row?.revision === revision && readEnvelope(row.headers)?.version === mutation;
  }

  /** Writes it to the outbox, once. */
  #keep(pending: Pending): void {
    if (pending.inOutbox || pending.keeping) return;
    const { wish, answer, delivery } = pending;
    const keep = async () => {
      const kept = await this.#basis(pending);
      await this.#outbox.keep(kept);
      pending.inOutbox = true;
      this.#options.onPending();
      // An edit of what is not here can't be shown here: only the datastore, which was asked, knows what comes of it.
      if (isOfUnknown(kept)) answer.reject(outcomeUnknown(wish.schema.collection));
      else answer.resolve(waiting(wish));
    };
    pending.keeping = keep().catch((error: FrontsyncError) => {
      // Its caller is told that nothing was stored: so nothing must be sent; unless it was sent already. What is stored needs no place here.
      if (delivery.isStored) return;
      if (delivery.mayBeStored) answer.reject(outcomeUnknown(wish.schema.collection, error));
      else this.#giveUp(pending, error);
    });
  }

  /** What it is based on is what is held now, with the writes of its document that wait before it. */
  #basis(pending: Pending): Promise<Kept> {
    const { wish, key, delivery } = pending;
    pending.kept ??= (async () => {
      const all = this.#ofDocument.get(key) ?? [];
      const before = all.slice(0, all.indexOf(pending)).map((other) => other.wish);
      const row = wish.id === undefined ? undefined : await this.#options.read(wish.schema.collection, wish.id);
      if (pending.keeping && !delivery.mayBeStored) checkEdit(wish, row, before);
      wish.kept = asKept(wish, row, before, this.#options.maxPayload());
      return wish.kept;
    })();
    return pending.kept;
  }

  /** A number that was refused may be overtaken by later ones of its document, and would then look stored: a retry takes a new one. */
  #numberOf(key: string, mutation: string): string {
    const refused = this.#refused.get(key);
    if (!refused) return mutation;
    refused.successor ??= this.nextMutationId(undefined);
    return refused.successor;
  }

  #noteRefusal(key: string, mutation: string): void {
    if (!mutation.startsWith(`${this.#options.webserver}.${this.#incarnation}.`)) return;
    this.#refused.set(key, {});
  }
}
