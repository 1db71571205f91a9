/** Writes: one unresolved mutation for each document, in order. A mutation whose answer is lost is asked again under its own id until the
 *  datastore says what became of it, whether or not its caller still waits. */
import { type Doc, isObject, mergePatch, withoutReadOnly } from "../schemas/document.ts";
import { asFrontsyncError, FrontsyncError } from "../schemas/errors.ts";
import type { CollectionSchema } from "../schemas/index.ts";
import { diff } from "../schemas/merge.ts";
import { mutationId } from "../schemas/mutation.ts";
import type { BatchWrite, DeleteRequest, FieldChange } from "../schemas/types.ts";
import type { Queued, State, WriteOptions, Written } from "./api.ts";
import { clock } from "./platform/clock.ts";
import { DEFAULT_TIMEOUT_MS, pause, within } from "./platform/deadline.ts";
import { KeyedQueue } from "./platform/keyed-queue.ts";
import { log } from "./platform/log.ts";
import { randomId } from "./platform/random.ts";
import { RecentMap } from "./platform/recent-map.ts";
import type { Row } from "./replica/index.ts";
import type { Sender } from "./sender.ts";

const MUTATION_ID = /^[A-Za-z0-9_.:-]{1,128}$/;
const MAX_PENDING = 10_000;
const MAX_REFUSED = 10_000;
const MAX_PENDING_BYTES = 64 * 1024 * 1024;
/** How long one try of a write waits for its answer, ms; doubled at each. Short at first: a handler that died with it never answers. */
const TRY_MS = { first: 2000, most: 10_000 };
const RETRY_MS = { first: 50, most: 2000 };
/** A request that the merge by field would make larger than this goes without its changes: a stale base is then refused. */
const MAX_DIFF_BYTES = 3 * 1024 * 1024;
/** A document that is smaller, before and after, has changes that need not be measured. */
const SMALL_BYTES = 100_000;

/** `by`: the uid that writes; 0: the system. */
export type ActorOptions = WriteOptions & { by: number };

/** What a write is to do. */
export type WriteBody = { op: "put"; doc: Doc } | { op: "patch"; merge: Doc } | { op: "delete" };

export interface WritesOptions {
  webserver: string;
  sender: Sender;
  /** Bytes of the largest message. */
  maxPayload(): number;
  /** The row that is held, also a tombstone. */
  read(collection: string, id: string): Promise<Row | undefined>;
  isHeld(revision: number): boolean;
  /** Resolves when this replica holds a revision, or the signal aborts. */
  holds(revision: number, signal: AbortSignal): Promise<void>;
  state(): State;
  /** Resolves when the right datastore answers, or the signal aborts. */
  reachable(signal: AbortSignal): Promise<void>;
  /** No function answers. */
  onLost(): void;
  /** The number of pending writes has changed. */
  onPending(): void;
}

interface Pending extends Queued {
  done: Promise<Written>;
}

export class Writes {
  readonly #options: WritesOptions;
  readonly #queue = new KeyedQueue();
  readonly #pending = new Map<string, Pending>();
  readonly #stop = new AbortController();
  /** A new one at each start: numbers need not be kept on disk, and a folder put back from a backup can't use them twice. */
  readonly #incarnation = randomId().slice(-10);
  /** Mutations that were refused, and the number under which a retry goes, once there was one. */
  readonly #refused = new RecentMap<string, { successor?: string }>(MAX_REFUSED);
  #pendingBytes = 0;
  #n = 0;

  constructor(options: WritesOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Whether a document has a write that is not acknowledged. */
  isPending(collection: string, id: string): boolean {
    return this.#queue.has(`${collection}/${id}`);
  }

  list(): Queued[] {
    return [...this.#pending.values()].map(({ done: _done, ...queued }) => queued);
  }

  /** Resolves when nothing is pending any more. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled([...this.#pending.values()].map(({ done }) => done));
  }

  close(): void {
    this.#stop.abort();
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
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    signal?.throwIfAborted();
    const key = keyOf(schema, id, mutation);
    const current = this.#numberOf(`${mutation} ${key}`, mutation);
    // A retry of a write that is still under way waits for that one.
    const pending = this.#pending.get(`${current} ${key}`) ?? this.#begin(schema, id, body, bytes, current, options);
    try {
      return await within(pending.done, `Writing '${(id ?? "a new document").slice(0, 80)}' in ${schema.collection}`, {
        timeoutMs,
        ...(signal && { signal }),
      });
    } catch (error) {
      if (!(error instanceof FrontsyncError)) throw error;
      if (!error.retryable && error.code !== "CLOSED") this.#noteRefusal(`${mutation} ${key}`, current);
      throw new FrontsyncError(error.code, error.message, { ...error, mutationId: mutation, cause: error });
    }
  }

  #begin(
    schema: CollectionSchema,
    id: string | undefined,
    body: WriteBody,
    bytes: number,
    mutation: string,
    { ifRevision, by }: ActorOptions,
  ): Pending {
    const { collection } = schema;
    this.#checkState();
    if (ifRevision !== undefined && !(Number.isSafeInteger(ifRevision) && ifRevision >= 0)) {
      throw new FrontsyncError("BAD_MESSAGE", `ifRevision must be a revision or 0, not ${ifRevision}.`, { path: "/ifRevision" });
    }
    if (this.#pending.size >= MAX_PENDING || (this.#pending.size > 0 && this.#pendingBytes + bytes > MAX_PENDING_BYTES)) {
      throw new FrontsyncError(
        "DATASTORE_UNREACHABLE",
        `${this.#pending.size} writes wait for the datastore already. Try again later.`,
      );
    }
    const key = keyOf(schema, id, mutation);
    const pendingKey = `${mutation} ${key}`;
    const done = this.#queue
      .run(key, () => this.#send(schema, id, body, bytes, mutation, by, ifRevision))
      .catch((error: unknown) => {
        // The connection goes first when the bus is closed.
        const unsent = error instanceof FrontsyncError && error.code === "DATASTORE_UNREACHABLE";
        throw unsent && this.#stop.signal.aborted ? new FrontsyncError("CLOSED", "The bus was closed.", { cause: error }) : error;
      })
      .finally(() => {
        this.#pending.delete(pendingKey);
        this.#pendingBytes -= bytes;
        this.#options.onPending();
      });
    done.catch(() => {});
    const content = body.op === "put" ? body.doc : body.op === "patch" ? body.merge : undefined;
    const pending = {
      mutationId: mutation,
      collection,
      id: id ?? "",
      op: body.op,
      at: new Date(clock.now()).toISOString(),
      body: content,
      done,
    };
    this.#pending.set(pendingKey, pending);
    this.#pendingBytes += bytes;
    this.#options.onPending();
    return pending;
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

  #checkState(): void {
    if (this.#stop.signal.aborted) throw new FrontsyncError("CLOSED", "The bus is closed.");
    const state = this.#options.state();
    if (state === "held")
      throw new FrontsyncError(
        "HELD",
        "This webserver's data and the datastore's do not belong together; nothing is written. See status().warnings.",
      );
    if (state === "degraded")
      throw new FrontsyncError(
        "DATASTORE_UNREACHABLE",
        "There is no contact with the datastore; nothing was sent. Try again when status().state is synced.",
      );
  }

  async #send(
    schema: CollectionSchema,
    id: string | undefined,
    body: WriteBody,
    bytes: number,
    mutation: string,
    by: number,
    ifRevision: number | undefined,
  ): Promise<Written> {
    const fresh = id === undefined || ifRevision !== undefined ? {} : await this.#basis(schema, id, body, bytes);
    const basis = ifRevision === undefined ? fresh : { ifRevision };
    const common = { mutation, by, ...basis };
    let sent = false;
    for (let attempt = 0; ; attempt++) {
      // What was sent is asked again when there is somebody to ask; what was not, is refused: also what waited for its turn.
      if (sent) await this.#options.reachable(this.#stop.signal);
      if (this.#stop.signal.aborted)
        throw new FrontsyncError("CLOSED", `The bus was closed${sent ? "; the write may have been stored" : ""}.`);
      if (!sent) this.#checkState();
      try {
        const { sender, isHeld, holds } = this.#options;
        const { collection } = schema;
        const tryMs = doubled(TRY_MS, attempt);
        const {
          id: stored,
          revision,
          handedOver,
        } = await sender.send({ collection, ...asRequest(id, body, common) }, bytes, tryMs);
        // So that a get on this bus sees it; what is stored stays stored, however long that takes.
        if (!isHeld(revision)) await holds(revision, AbortSignal.any([this.#stop.signal, AbortSignal.timeout(TRY_MS.most)]));
        return { id: stored, revision, mutationId: mutation, ...(handedOver && { handedOver }) };
      } catch (thrown) {
        const error = asFrontsyncError(thrown);
        if (error.code === "DATASTORE_UNREACHABLE") {
          this.#options.onLost();
          if (!sent) throw error;
        } else if (error.code !== "TIMEOUT") throw error;
        sent ||= error.code === "TIMEOUT";
        log.debug({ mutation, code: error.code }, "a write is asked again");
      }
      await pause(doubled(RETRY_MS, attempt), this.#stop.signal);
    }
  }

  /** What an edit is based on: the revision that is held, and, where the collection merges, the edit's single changes. */
  async #basis(
    schema: CollectionSchema,
    id: string,
    body: WriteBody,
    bytes: number,
  ): Promise<{ base?: number; diff?: FieldChange[] }> {
    const row = await this.#options.read(schema.collection, id);
    // Somebody else may just have made it: the datastore knows.
    if (!row) return body.op === "put" ? { base: 0 } : {};
    if (row.deleted || row.body === null) return { base: row.revision };
    if (schema.policy !== "merge" || body.op === "delete") return { base: row.revision };
    const held = withoutReadOnly(schema, JSON.parse(row.body) as Doc);
    const next = body.op === "put" ? body.doc : (mergePatch(held, body.merge) as Doc);
    const changes = isObject(next) ? diff(held, next) : [];
    const room = () => Math.min(MAX_DIFF_BYTES, this.#options.maxPayload() - bytes - SMALL_BYTES);
    const fits =
      row.body.length < MAX_DIFF_BYTES &&
      changes.length <= 10_000 &&
      ((row.body.length < SMALL_BYTES && bytes < SMALL_BYTES) || Buffer.byteLength(JSON.stringify(changes)) < room());
    return { base: row.revision, ...(fits && { diff: changes }) };
  }
}

/** Writes of one document follow each other; a new one without an id follows none. */
function keyOf({ collection }: CollectionSchema, id: string | undefined, mutation: string): string {
  return `${collection}/${id ?? ` ${mutation}`}`;
}

function asRequest(id: string | undefined, body: WriteBody, common: Omit<DeleteRequest, "id">): Omit<BatchWrite, "collection"> {
  if (body.op === "put") return { put: { ...common, doc: body.doc } };
  if (id === undefined) throw new FrontsyncError("BAD_ID", "A document that is changed must have an id.", { path: "/id" });
  if (body.op === "patch") return { patch: { ...common, id, merge: body.merge } };
  return { delete: { ...common, id } };
}

function doubled({ first, most }: { first: number; most: number }, times: number): number {
  return Math.min(first * 2 ** times, most);
}
