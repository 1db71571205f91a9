/** The public types of the bus: what a webserver that embeds frontsync sees. */
import type { Readable } from "node:stream";
import type { ErrorCode, FrontsyncError } from "../schemas/errors.ts";
import type { Calls, Collections, Peer, Vitals, Warning } from "../schemas/types.ts";
import type { TlsOptions } from "./wire/tls.ts";

export interface BusOptions {
  /** `host[:9405]`; several are tried in turn. */
  datastore: string | readonly string[];
  /** This webserver's id: `[A-Za-z0-9_-]{1,64}`, unique among the webservers. */
  webserver: string;
  /** The folder of the local replica; one bus for each (DIR_IN_USE). Made when it is missing. */
  dir: string;
  /** Where other webservers reach this one. Without it: an observer, in nobody's peers. */
  externalAddr?: string;
  /** Seconds between check-ins, 0.1 to 3600; default 10. */
  updateInterval?: number;
  /** The secret shared with the datastore. */
  controlAuth?: string;
  /** The datastore must speak TLS; `ca`: certificates (PEM) of those who may have signed its own, `skipVerify`: any will do. Without it
   *  TLS is spoken when the datastore asks for it. */
  tls?: TlsOptions;
  /** Folders with schema files of further collections. */
  schemas?: readonly string[];
  /** When contents of resources come here: eager (default): as soon as their documents do, in the background. lazy: at their first use. */
  resources?: "eager" | "lazy";
  /** Bytes of contents that may wait for the datastore on this webserver's disk, dead letters included; default 4 GiB. */
  resourceOutboxMaxBytes?: number;
}

/** What may be done as somebody. The bus itself acts as the system: it sees everything, may do everything, and writes as uid 0. */
export interface Scope {
  /** A collection by its name; one that no schema declares fails with UNKNOWN_COLLECTION on use. */
  collection<N extends keyof Collections>(name: N): Collection<Collections[N]>;
  collection(name: string): Collection<Record<string, unknown>>;
  /** The contents of the documents in `resources`. */
  readonly resources: Resources;
  /** The changes of all collections in one order: as Collection.changes, each with the name of its collection. */
  changes(options?: { since?: number; signal?: AbortSignal }): AsyncIterableIterator<PlacedChange>;
  /** What lost when two changed one document: the copies held here that may be seen, of a user those of the user's own edits, of an admin and the
   *  system all. */
  readonly conflicts: ConflictCopies;
}

export interface Bus extends Scope {
  /** Everything through it is seen and done with the rights that this user has at each call; its writes carry lastModifiedBy = uid. What
   *  the user may not see is as if it were not there, and secret fields are never shown. A new document is the user's when it names no
   *  owner. NOT_ALLOWED on use when there is no such user here, the user is locked, or has no right to the write; GLOBAL_NEEDS_ADMIN. */
  asUser(uid: number): Scope;
  /** A named function, e.g. "users.login"; never queued. UNKNOWN_CALL; BAD_MESSAGE for a request that its schema refuses; DATASTORE_UNREACHABLE at
   *  once when degraded: nothing was sent; OUTCOME_UNKNOWN when it was, and no answer came within timeoutMs; and what the function refuses it
   *  with. Resolves when this replica holds what the call changed. Without contact this webserver itself answers users.login, by a session that
   *  counts here alone until it is confirmed (sessionIsOver), and users.logout of one session, whose end waits in the outbox. */
  call<N extends keyof Calls>(name: N, request: Calls[N]["request"], options?: CallOptions): Promise<Calls[N]["reply"]>;
  /** Waits until this replica holds `revision` (a write's, also another webserver's); without one, or null: until no write is
   *  pending and the head is held. TIMEOUT after `timeoutMs`; CLOSED. */
  caughtUp(revision?: number | null, options?: Wait): Promise<void>;
  status(): Status;
  /** Called after each change of state, generation, pending, deadLetters, conflicts, peers or warnings. Returns the unsubscriber. */
  onStatus(listener: (status: Status) => void): () => void;
  /** One digest for each collection, computed from the rows now, at the returned cursor; equal data give equal digests. */
  digests(): Promise<{ generation: string | null; cursor: number; digests: Record<string, string> }>;
  /** Seconds between check-ins, 0.1 to 3600, from now on. */
  setUpdateInterval(seconds: number): void;
  /** Tells the others, now and at every check-in, that this webserver is to get no new users, or that it may again. It changes nothing else. */
  setDraining(draining: boolean): void;
  /** The writes of this webserver that the datastore has not acknowledged, in the order in which they were asked for. */
  readonly outbox: { list(): Promise<Queued[]> };
  /** The writes that waited in the outbox and were refused. `retry` asks for one again, as a new write on what is there now, and takes it out when
   *  that is stored, or waits; it throws what that is refused with, and NOT_FOUND; several of one letter have one effect. `content`: of an upload,
   *  the bytes that were to be stored; NOT_FOUND for another write, CONTENT_MISSING. `discard` gives it up. They take room from the outbox, and
   *  none is ever dropped: see OUTBOX_FULL in docs/operations.md. */
  readonly deadLetters: {
    list(): Promise<DeadLetter[]>;
    retry(mutationId: string): Promise<Written>;
    content(mutationId: string): Promise<Readable>;
    discard(mutationId: string): Promise<void>;
  };
  /** Contents of resources on their way. */
  readonly transfers: Transfers;
  /** Stops, and writes the snapshot. Calls in flight reject CLOSED, iterators end. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ConflictCopies {
  /** At most 1,000 or 64 MiB of them, by their ids; more when some are gone. */
  list(): Promise<Conflict[]>;
  /** Stores `doc` in place of the document's current version and discards the copy; repeated with the same `doc` it has one effect.
   *  REVISION_CONFLICT when the document is not at the revision that is held here, or not at `ifRevision`: the one that `doc` was made from.
   *  NOT_FOUND: no such copy; BAD_ID: `doc` is another document; and what put throws. */
  resolve(id: string, doc: object, options?: Pick<WriteOptions, "ifRevision">): Promise<Written>;
  /** Throws NOT_FOUND. */
  discard(id: string): Promise<void>;
}

export interface Collection<T extends object> {
  /** From the local replica, own writes included, also pending ones. undefined: absent, deleted or not visible. */
  get(id: string): Promise<Entry<T> | undefined>;
  /** From the local replica. UNKNOWN_INDEX for a field that the collection does not index. */
  list(query?: Query<T>): Promise<Page<T>>;
  /** By the name that the collection declares (else UNKNOWN_INDEX). A user gets their own document before one that is shared with them or
   *  with a group of theirs, that before one that is shared with everyone, and any other last. Of several such, and for the system: the
   *  one with the lowest id. */
  find(name: string): Promise<Entry<T> | undefined>;
  /** Creates (no id: one is made) or replaces. Fields that the datastore sets may be present and are ignored. */
  put(doc: NewDoc<T>, options?: WriteOptions): Promise<Written>;
  /** Each for itself, in order, not atomic: one result for each document. */
  putMany(docs: readonly NewDoc<T>[], options?: Wait): Promise<(Written | FrontsyncError)[]>;
  /** JSON Merge Patch (RFC 7396). NOT_FOUND when the document is absent or deleted; so does delete. */
  patch(id: string, merge: MergePatch<T>, options?: WriteOptions): Promise<Written>;
  /** FUSE_OPEN when too many were deleted within a minute: this one is then held, and done when an admin lets it go (`frontsync fuse`). */
  delete(id: string, options?: WriteOptions): Promise<Written>;
  /** Committed changes in order, own ones too, after `since` (default: the cursor now; 0: first every document held). A slow reader
   *  gets the last change of each document, never an unbounded queue. A user is told of a document that they may not see, and may have
   *  seen, as of a deleted one; what they see because their own rights changed is not told: list it. */
  changes(options?: { since?: number; signal?: AbortSignal }): AsyncIterableIterator<Change<T>>;
  /** The versions that the datastore keeps, tombstones included, newest first: the last 20, or only the current one where the collection
   *  keeps no history. Bring one back with put(version.doc). NOT_FOUND when there never was such a document; DATASTORE_UNREACHABLE
   *  at once while degraded, HELD while held; UNKNOWN_CALL from a datastore that is too old. */
  versions(id: string, options?: Wait): Promise<Change<T>[]>;
}

/** `pending`: holds a write of this webserver that is not acknowledged; `revision` is then its base. */
export interface Entry<T> {
  id: string;
  revision: number;
  pending: boolean;
  doc: T;
}

/** `by`: the uid that made it (0: the system); `at`: its commit time, RFC 3339. */
export interface Change<T> {
  op: "put" | "delete";
  id: string;
  revision: number;
  doc: T | undefined;
  by: number;
  at: string;
}

export type PlacedChange = Change<Record<string, unknown>> & { collection: string };

/** where: equality; sort: a field, "-updatedAt" descends; both declared indexes. limit 1 to 1000 (50). */
export interface Query<T> {
  where?: Partial<T>;
  sort?: string;
  limit?: number;
  after?: string;
}

/** Give `next` as `after` for the next page; undefined: the end. */
export interface Page<T> {
  items: Entry<T>[];
  next: string | undefined;
}

/** timeoutMs: default 10000, then TIMEOUT. An aborted signal rejects with its reason. Neither cancels a write that was sent. */
export interface Wait {
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface CallOptions extends Wait {
  /** Give the same one to retry after TIMEOUT: one effect, and a revision that contains it. `[A-Za-z0-9_.:-]{1,128}`. */
  mutationId?: string;
  /** The uid that asks: the function checks that this user may. Default 0, the system. */
  by?: number;
}

export interface WriteOptions extends Omit<CallOptions, "by"> {
  /** Refuse with REVISION_CONFLICT unless the document is at this revision, whatever the policy (0: it must not exist). Without it
   *  the edit is based on the revision held here, and the collection's conflict policy decides. */
  ifRevision?: number;
}

/** Stored by the datastore under `revision`; or, without contact, on this webserver's disk in the outbox: then `revision` is null. `id` is empty
 *  when the datastore has yet to give it. */
export interface Written {
  id: string;
  revision: number | null;
  mutationId: string;
  /** Of a user's deletion: how many documents the default admin owns now, by collection. */
  handedOver?: Record<string, number>;
}

export type NewDoc<T> = Partial<T>;
export type MergePatch<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: MergePatch<T[K]> | null }
    : T;

export interface Queued {
  mutationId: string;
  collection: string;
  id: string;
  op: "put" | "patch" | "delete";
  /** When it was asked for, RFC 3339. */
  at: string;
  /** The uid that asked; 0: the system. */
  by: number;
  /** Of a put the document, of a patch the merge. */
  body: unknown;
  /** Of an upload: what the document is to have as its content. `bus.resources` has it, and of a dead letter `deadLetters.content`. */
  content?: { sha256: string; size: number };
}

/** A write that was acknowledged into the outbox, and that the datastore refused later. */
export interface DeadLetter extends Queued {
  code: ErrorCode;
  message: string;
}

/** The losing side of a conflict over the document `docId`: `losing` is what was to be stored (null: nothing, it was deleted; {patch}: a
 *  merge patch whose base is not known any more). `base`: the revision that the edit was based on which lost, or went over it. `winner`:
 *  the revision that it lost to; 0: not known. `by`: the uid that made it; `at`: when it lost, RFC 3339. */
export interface Conflict {
  id: string;
  collection: string;
  docId: string;
  losing: unknown;
  base: number;
  winner: number;
  by: number;
  at: string;
}

/** Contents go in chunks, a few at a time; what is stored or here already is not sent again: after a break call again. `timeoutMs`: without any
 *  progress, default 30000. */
export interface Resources {
  /** Streams; the document appears when every byte is stored and verified. With `id`: a new version of it, its other fields stay. `version`
   *  rises with each new content. A known `sha256`: as the system `content` is not read when the store has it; as a user it is read, and not
   *  sent. TOO_LARGE (Resource-Max-Size, before anything is sent), CONTENT_MISMATCH, DISK_FULL; BAD_MESSAGE when `content` fails.
   *  Without contact the content waits on this webserver's disk, with its document in the outbox: `revision` is null, and it is read here
   *  as if it were stored; so does an upload that loses its contact for `timeoutMs`. DISK_FULL with the limit when more than
   *  `resourceOutboxMaxBytes` would wait. It is refused later when the document has been given yet another content meanwhile
   *  (REVISION_CONFLICT), or was deleted (NOT_FOUND): then it is among the dead letters. */
  upload(
    content: Readable | AsyncIterable<Uint8Array>,
    meta: { name: string; [field: string]: unknown },
    options?: UploadOptions,
  ): Promise<Uploaded>;
  /** A new document with the content of the document `id`, without sending it. Offline DATASTORE_UNREACHABLE. */
  clone(
    id: string,
    meta: { name: string; [field: string]: unknown },
    options?: WriteOptions & { id?: string },
  ): Promise<Uploaded>;
  /** Bytes start..end (inclusive) of verified content, fetched first if it is not here. NOT_FOUND, CONTENT_MISSING, DISK_FULL; offline
   *  DATASTORE_UNREACHABLE for one that is not here. */
  open(id: string, options?: OpenOptions): Promise<Readable>;
  /** The path of the verified copy; undefined: it is not here yet, or the document is absent, deleted or not visible. Do not change the file. */
  local(id: string): Promise<string | undefined>;
}

export interface UploadOptions extends WriteOptions {
  id?: string;
  /** Hex. */
  sha256?: string;
  /** Bytes that the store has. */
  onProgress?: (bytes: number) => void;
}

export type OpenOptions = Wait & { start?: number; end?: number };

export interface Uploaded extends Written {
  sha256: string;
  size: number;
  version: number;
}

/** Contents on their way to and from the datastore. */
export interface Transfers {
  /** Bytes since the bus was opened, each try counted, and contents that come or wait to. */
  status(): { sentBytes: number; receivedBytes: number; fetching: number; waiting: number };
  /** Called after each step of each content. Returns the unsubscriber. */
  onProgress(listener: (transfer: Transfer) => void): () => void;
  /** For a backup: the path of a content as it is stored, fetched first if it is not here; `id`: a document that refers, or referred, to it.
   *  CONTENT_MISSING. */
  fetch(content: { id: string; sha256: string; size: number }, options?: Wait): Promise<string>;
  /** For a restore: stores the content of a file, of which no document need know yet. CONTENT_MISMATCH when the file is not what `sha256`
   *  says; TOO_LARGE. */
  give(content: { path: string; sha256: string; size: number }, options?: Wait): Promise<void>;
}

/** `done`: bytes of `size` that have arrived. `id`: a document that it is for. */
export interface Transfer {
  direction: "up" | "down";
  id: string;
  sha256: string;
  size: number;
  done: number;
}

export type State = Peer["state"];

/** Another webserver, as of its last check-in, `seenMsAgo` before this one's. Its vitals (`lag` in revisions, `pending`, `deadLetters`,
 *  `conflicts`, `draining`) are undefined where they are not known, as from an older version. */
export type PeerStatus = Peer & Vitals;

export interface Status {
  /** degraded: no contact with the datastore (also before the first one). held: this webserver's data and the datastore's do not
   *  belong together; it serves what it has and changes nothing. */
  state: State;
  generation: string | null;
  /** Every change up to this revision is held. */
  cursor: number;
  /** While it catches up: so far changes have been read. Of those below it some may be missing still. */
  reading?: number;
  /** The datastore's last revision, as far as it is known. */
  head: number | null;
  pending: number;
  deadLetters: number;
  /** The conflict copies that are held here. */
  conflicts: number;
  peers: PeerStatus[];
  counters: Counters;
  warnings: Warning[];
}

/** Since the bus was opened. dropped: live messages that were noticed to be missing. drifts: times that something was done because the replica
 *  differed from the datastore; resyncs: collections that were compared with the datastore's list; rebuilds: of the whole replica; repaired:
 *  damaged bodies that were noticed. */
export interface Counters {
  checkIns: number;
  gaps: number;
  catchUps: number;
  resyncs: number;
  dropped: number;
  drifts: number;
  rebuilds: number;
  repaired: number;
}
