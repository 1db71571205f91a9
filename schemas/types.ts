// Generated from the schema files by `npm run generate`. Do not edit.

/**
 * The lives of the store, oldest first; the first one's id is the generation.
 *
 * @minItems 1
 * @maxItems 2000
 */
export type Epochs = Epoch[];

/**
 * What a collection's schema file declares, under the keyword `collection`, beside the shape of its documents.
 */
export interface CollectionDeclaration {
  /**
   * Schema version of the documents. Raise it with each change that older code can't read, and say in `upcast` how to read what was written before.
   */
  version: number;
  /**
   * The replica's file that holds the rows.
   */
  database: "users" | "webstore";
  /**
   * The fields that make a document's id, joined by `/`. One field, or an integer followed by a string.
   *
   * @minItems 1
   * @maxItems 2
   */
  key: string[];
  /**
   * The integer key field that the datastore gives to a new document. A put without it makes one; its rules choose.
   */
  allocates?: string;
  /**
   * The field with the uid of the document's owner.
   */
  owner?: string;
  /**
   * Who may read and write when a user acts (schemas/access.ts). shared (default): the owner, whom readers and writers name, everyone when global. owner: only the owner. directory: everyone reads, and the owner writes the fields in `own`. system: nobody. Admins may always, but for system.
   */
  access?: "shared" | "owner" | "directory" | "system";
  /**
   * With `access: directory`: the fields that the owner may change.
   *
   * @maxItems 32
   */
  own?: string[];
  /**
   * The field that `find` looks up: own before a group's before global.
   */
  name?: string;
  /**
   * Fields that `list` may filter and sort by; each is an index of the replica's table.
   *
   * @maxItems 16
   */
  indexes: string[];
  limits: {
    /**
     * The largest document, in bytes of its JSON as it is stored.
     */
    bytes: number;
  };
  /**
   * What happens to an edit whose base is no longer the current version.
   */
  policy: "merge" | "reject" | "last-writer-wins";
  /**
   * Whether the losing side of a conflict is kept in the collection `conflicts`. Default true: only who declares it loses anything.
   */
  keepsLosing?: boolean;
  /**
   * Whether a webserver may queue writes while the datastore can't be reached.
   */
  offline: boolean;
  /**
   * When further deletions are held until an admin confirms them: when within a minute more than `documents` are deleted (default 20), and more than this share of the collection (default 0.2). false: never, because they are of no account, or in the nature of the collection.
   */
  fuse?: FuseLimits | false;
  retention: {
    /**
     * 20: the last 20 versions of each document are kept. 1: only the current one.
     */
    versions: 1 | 20;
  };
  /**
   * How documents of older schema versions are read: the steps from each version to the next one, in order, none left out. They are applied when a document is read and before an edit of it; what is stored stays as it is until it is written again. `list` finds a document by the new name of a renamed field; of a default it knows nothing until then. Upgrade the datastore first, then the webservers: what an older webserver writes is brought up to date, but it does not know the new names in what it reads.
   *
   * @maxItems 100
   */
  upcast?: Upcast[];
}
export interface FuseLimits {
  /**
   * Of the documents that there are, 0 to 1.
   */
  share?: number;
  /**
   * At least so many are always let through.
   */
  documents?: number;
}
export interface Upcast {
  /**
   * The version that this step begins at; it leads to the next one.
   */
  from: number;
  /**
   * Old names of fields, and their new ones. An old name can't be used again.
   */
  rename?: {
    [k: string]: string;
  };
  /**
   * Values of fields that are missing.
   */
  defaults?: Record<string, unknown>;
  /**
   * Fields that are no more. Their names can't be used again.
   */
  remove?: string[];
}
/**
 * The fields that owned, shareable documents have in common. Those marked readOnly are set by the datastore.
 */
export interface Document {
  /**
   * Unique in its collection; made by the webserver when it is not given.
   */
  id?: string;
  /**
   * uid of the owner; 0 is the system.
   */
  ownerId?: number;
  readers?: Audience;
  writers?: Audience;
  name?: string;
  description?: string;
  /**
   * @maxItems 256
   */
  labels?: string[];
  /**
   * Commit time of the first version.
   */
  createdAt?: string;
  /**
   * Commit time of this version.
   */
  updatedAt?: string;
  /**
   * uid that wrote this version; 0 is the system.
   */
  lastModifiedBy?: number;
}
/**
 * With whom a document is shared.
 */
export interface Audience {
  /**
   * @maxItems 10000
   */
  users?: number[];
  /**
   * @maxItems 10000
   */
  groups?: number[];
  global?: boolean;
}
/**
 * A password's hash with its parameters, so that they can be raised. Never shown to a user.
 */
export interface PasswordHash {
  scheme: "scrypt";
  cost: number;
  block: number;
  parallel: number;
  salt: string;
  hash: string;
}
/**
 * What was given up; without an id there was no restore.
 */
export interface BackupsAbortReply {
  /**
   * Of the restore.
   */
  id?: string;
  /**
   * Its name, for people.
   */
  source?: string;
  /**
   * Records that were looked at.
   */
  done?: number;
  /**
   * Of the source.
   */
  records?: number;
  [k: string]: unknown;
}
/**
 * Gives a restore up: what it has written stays.
 */
export interface BackupsAbortRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
}
/**
 * The restore that is under way now.
 */
export interface BackupsBeginReply {
  /**
   * Of the restore.
   */
  id: string;
  /**
   * When it began.
   */
  startedAt: string;
  /**
   * It began before, and was interrupted.
   */
  continued: boolean;
  busy?: RestoreRunner;
  [k: string]: unknown;
}
/**
 * Present: another caller is at work on the same source, or was lately; nothing was begun.
 */
export interface RestoreRunner {
  runner: string;
  /**
   * When it was heard of last.
   */
  seenAt: string;
}
/**
 * Begins a restore, goes on with one that was interrupted, or says that it is still at work.
 */
export interface BackupsBeginRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * Only to say that this one is still at work; absent: begins one, or goes on.
   */
  restore?: string;
  /**
   * SHA-256 of what is restored, hex.
   */
  hash: string;
  /**
   * merge: of each document the later version stays. replace: the datastore becomes what was backed up.
   */
  mode: "merge" | "replace";
  /**
   * Its name, for people.
   */
  source: string;
  /**
   * Of the source.
   */
  records: number;
  /**
   * Of them, those that were looked at.
   */
  done?: number;
}
/**
 * Whether the restore has ended.
 */
export interface BackupsFinishReply {
  /**
   * False: a document was written since `verified`. Look again.
   */
  ended: boolean;
  [k: string]: unknown;
}
/**
 * Ends a restore.
 */
export interface BackupsFinishRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * Of the restore.
   */
  restore: string;
  /**
   * The revision up to which the datastore is known to be what was backed up: it ends only if no document was written since.
   */
  verified?: number;
}
/**
 * What became of each document, in order.
 */
export interface BackupsRestoreReply {
  /**
   * @maxItems 200
   */
  results: RestoredResult[];
  [k: string]: unknown;
}
/**
 * What became of one document.
 */
export interface RestoredResult {
  /**
   * added: there was none; changed: an older one was there; deleted: so was this tombstone's document; marked: a tombstone where no document is; left: what is there is the same or newer; refused: see there.
   */
  outcome: "added" | "changed" | "deleted" | "marked" | "left" | "refused";
  /**
   * The user name that it was stored under, and locked, because another user has its own.
   */
  storedAs?: string;
  /**
   * A user who came without secrets, and has no password now.
   */
  withoutPassword?: boolean;
  refused?: ErrorReply;
  [k: string]: unknown;
}
/**
 * What a function answers when it refuses. The header Nats-Service-Error-Code has the code, too.
 */
export interface ErrorReply {
  code: string;
  message: string;
  path?: string;
  limit?: number;
  /**
   * REVISION_CONFLICT: the version that is there.
   */
  current?: Record<string, unknown>;
  [k: string]: unknown;
}
/**
 * Brings versions back as they were.
 */
export interface BackupsRestoreRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * Of which restore this is; absent: of none, and then it is refused while there is one. Needed for `replace`.
   */
  restore?: string;
  /**
   * merge (default): of each document the later version stays. replace: each becomes what is given.
   */
  mode?: "merge" | "replace";
  /**
   * Say what would be done, and write nothing.
   */
  dryRun?: boolean;
  /**
   * The documents come without their secret fields: what is there of those stays.
   */
  withoutSecrets?: boolean;
  /**
   * @minItems 1
   * @maxItems 200
   */
  documents: RestoredVersion[];
}
/**
 * A version as a backup or a webserver has it; without `doc` a tombstone.
 */
export interface RestoredVersion {
  collection: string;
  id: string;
  doc?: {
    [k: string]: unknown;
  };
  /**
   * The id of the mutation that made it.
   */
  version: string;
  /**
   * Its commit time.
   */
  at: string;
  /**
   * Commit time of the document's first version.
   */
  created: string;
  /**
   * uid of its author; 0 is the system.
   */
  by: number;
  /**
   * Which webserver sent it.
   */
  webserver: string;
  /**
   * The mutations that are in it.
   */
  seen: string;
  /**
   * Where the datastore gives ids: the mutation that made the document.
   */
  origin?: string;
  /**
   * The schema version that it was written with, above 1.
   */
  schema?: number;
}
/**
 * Whose sessions were ended.
 */
export interface BackupsSessionsReply {
  /**
   * False: there are more users. Ask again.
   */
  done: boolean;
  /**
   * Whose sessions this has ended.
   */
  users: number;
  [k: string]: unknown;
}
/**
 * Ends every user's sessions, within a restore.
 */
export interface BackupsSessionsRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * Of the restore.
   */
  restore: string;
}
/**
 * One result for each write of a batch, in order.
 */
export interface BatchReply {
  /**
   * @maxItems 200
   */
  results: BatchResult[];
  [k: string]: unknown;
}
/**
 * Stored, or why it was refused.
 */
export interface BatchResult {
  stored?: WriteReply;
  refused?: ErrorReply;
  [k: string]: unknown;
}
/**
 * The write is stored.
 */
export interface WriteReply {
  /**
   * The document's id.
   */
  id: string;
  /**
   * A revision of the document that contains the write.
   */
  revision: number;
  /**
   * Of a user's deletion: how many documents the default admin owns now, by collection.
   */
  handedOver?: {
    [k: string]: number;
  };
  [k: string]: unknown;
}
/**
 * Several writes in one message, each for itself: they are not atomic.
 */
export interface BatchRequest {
  /**
   * @minItems 1
   * @maxItems 200
   */
  writes: BatchWrite[];
}
/**
 * One write: exactly one of put, patch and delete.
 */
export interface BatchWrite {
  collection: string;
  put?: PutRequest;
  patch?: PatchRequest;
  delete?: DeleteRequest;
}
/**
 * Creates or replaces one document.
 */
export interface PutRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * The whole document; fields that the datastore sets are ignored.
   */
  doc: Record<string, unknown>;
  /**
   * The revision that the edit was based on; 0: the document did not exist. Absent: whatever is there.
   */
  base?: number;
  /**
   * Refuse unless the document is at this revision, whatever the policy; 0: it must not exist.
   */
  ifRevision?: number;
  /**
   * The edit as single changes, for a merge by field. Absent: a stale base is refused.
   *
   * @maxItems 10000
   */
  diff?: FieldChange[];
  /**
   * The collection's schema version that the webserver has. Absent: 1.
   */
  schema?: number;
}
/**
 * One change of an edit, as the merge by field takes it.
 */
export interface FieldChange {
  /**
   * JSON pointer. A step `~:<id>` or `~#<number>` names an element by its id, where an array's elements all have one; the last step `~order` stands for their ids in order.
   */
  path: string;
  /**
   * Absent: the field was not there.
   */
  old?: unknown;
  /**
   * Absent: the field is taken away.
   */
  new?: unknown;
}
/**
 * Changes one document by a JSON Merge Patch (RFC 7396).
 */
export interface PatchRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * The document's id.
   */
  id: string;
  /**
   * null takes a field away.
   */
  merge: Record<string, unknown>;
  /**
   * The revision that the edit was based on; 0: the document did not exist. Absent: whatever is there.
   */
  base?: number;
  /**
   * Refuse unless the document is at this revision, whatever the policy; 0: it must not exist.
   */
  ifRevision?: number;
  /**
   * The edit as single changes, for a merge by field. Absent: a stale base is refused.
   *
   * @maxItems 10000
   */
  diff?: FieldChange[];
  /**
   * The collection's schema version that the webserver has. Absent: 1.
   */
  schema?: number;
}
/**
 * Deletes one document; a tombstone stays.
 */
export interface DeleteRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * The document's id.
   */
  id: string;
  /**
   * The revision that the edit was based on; 0: the document did not exist. Absent: whatever is there.
   */
  base?: number;
  /**
   * Refuse unless the document is at this revision, whatever the policy; 0: it must not exist.
   */
  ifRevision?: number;
}
/**
 * The head of a page; the records follow it as bytes (bus/wire/page.ts).
 */
export interface ChangesReply {
  epochs: Epochs;
  /**
   * The stream's last revision, read before the page.
   */
  head: number;
  /**
   * Go on after this revision.
   */
  last: number;
  /**
   * Nothing is left up to `head`, nor is there a floor behind `last` below which something may be missing in this page.
   */
  done: boolean;
  /**
   * How many records follow.
   */
  records: number;
  [k: string]: unknown;
}
export interface Epoch {
  epoch: string;
  /**
   * The first revision of this life.
   */
  firstSeq: number;
  /**
   * The nats-server's id in its INFO.
   */
  serverId: string;
}
/**
 * Asks for one page of what changed after a revision.
 */
export interface ChangesRequest {
  /**
   * The last revision that the replica has; 0: from the beginning.
   */
  after: number;
  /**
   * About so many bytes, but at least one version; absent: as many as fit. Only to a datastore that says `pageBytes`.
   */
  mostBytes?: number;
}
/**
 * What the datastore answers to it.
 */
export interface CheckInReply {
  version: string;
  /**
   * The datastore's clock, in ms since 1970.
   */
  now: number;
  epochs: Epochs;
  /**
   * A revision: the number of a message in the stream. 0: none.
   */
  head: number;
  /**
   * Whether the replica's position belongs to this store.
   */
  position: "good" | "unknown-epoch" | "beyond-epoch";
  /**
   * What the digests should be at that position; absent: not known.
   */
  digests?: {
    [k: string]: string;
  };
  /**
   * @maxItems 10000
   */
  peers: Peer[];
  /**
   * How the peers do, by webserver. Present: the datastore takes `vitals`.
   */
  vitals?: {
    [k: string]: Vitals;
  };
  /**
   * Advice: wait at least this long between check-ins.
   */
  intervalMs: number;
  /**
   * @maxItems 100
   */
  warnings: Warning[];
  /**
   * The datastore's schema versions above 1, by collection. Present: it takes `schema` in writes.
   */
  schemas?: {
    [k: string]: number;
  };
  /**
   * The largest content of a resource that is taken.
   */
  resourceMaxBytes?: number;
  /**
   * How many bytes of the store are read for a page of changes. Present: `changes` takes `mostBytes`.
   */
  pageBytes?: number;
  /**
   * SHA-256 of contents that are referred to and missing in the store: whoever has one uploads it.
   *
   * @maxItems 100
   */
  wantedContents?: string[];
  [k: string]: unknown;
}
export interface Peer {
  webserver: string;
  externalAddr: string;
  version: string;
  /**
   * A revision: the number of a message in the stream. 0: none.
   */
  cursor: number;
  state: "synced" | "catching-up" | "degraded" | "held";
  seenMsAgo: number;
}
/**
 * How a webserver does, beside its position: what it says of itself, and what the datastore adds. Absent: not known.
 */
export interface Vitals {
  /**
   * It stops soon, or is to get no new users.
   */
  draining?: boolean;
  /**
   * Revisions between its position and the head, at its last check-in. Absent also while its position is not of this store.
   */
  lag?: number;
  /**
   * Writes that are not up yet.
   */
  pending?: number;
  deadLetters?: number;
  /**
   * Conflict copies that it holds.
   */
  conflicts?: number;
  [k: string]: unknown;
}
export interface Warning {
  code: string;
  message: string;
}
/**
 * What each webserver says of itself at every heartbeat.
 */
export interface CheckInRequest {
  /**
   * Of frontsync.
   */
  version: string;
  /**
   * Where other webservers reach this one. Absent: an observer, in nobody's peers.
   */
  externalAddr?: string;
  state: "synced" | "catching-up" | "degraded" | "held";
  position?: Position;
  /**
   * Writes that are not up yet.
   */
  pending: number;
  /**
   * Until the next check-in.
   */
  intervalMs: number;
  vitals?: Vitals;
  /**
   * One digest for each collection: XOR over its rows and tombstones of a hash of subject and revision, in hex.
   */
  digests: {
    [k: string]: string;
  };
}
/**
 * Where a replica stands; absent: it holds nothing yet.
 */
export interface Position {
  epoch: string;
  /**
   * It holds every change up to this revision.
   */
  cursor: number;
}
/**
 * What a held webserver has said of its data.
 */
export interface Claim {
  /**
   * The id of the first life of the store that a webserver's data are of.
   */
  generation: string;
  documents: number;
  offered: number;
  /**
   * RFC 3339.
   */
  newest?: string;
  why: string;
  [k: string]: unknown;
}
/**
 * What the store has of a content.
 */
export interface ContentBeginReply {
  /**
   * All of it, verified.
   */
  complete: boolean;
  /**
   * How many chunks of an unfinished upload are stored: go on with this one.
   */
  chunks: number;
  /**
   * The largest content that this datastore takes.
   */
  maxBytes: number;
  [k: string]: unknown;
}
/**
 * Asks what the store has of a content, before any of it is sent.
 */
export interface ContentBeginRequest {
  /**
   * SHA-256 of the whole content, hex: its name in the store.
   */
  sha256: string;
  /**
   * Bytes of the whole content; absent: only whether it is there.
   */
  size?: number;
}
/**
 * What the check found.
 */
export interface ContentCheckReply {
  /**
   * The store's copy is whole. If not, a webserver that has it is asked for it.
   */
  good: boolean;
  [k: string]: unknown;
}
/**
 * A webserver could not read a content, or read something else than its hash says: asks for the store's copy to be checked, and taken away when it is damaged.
 */
export interface ContentCheckRequest {
  /**
   * The resource's document.
   */
  id: string;
  /**
   * uid that asks; 0 is the system.
   */
  by: number;
  /**
   * SHA-256 of the whole content, hex: its name in the store.
   */
  sha256: string;
}
/**
 * How far the upload is.
 */
export interface ContentChunksReply {
  /**
   * How many chunks are stored now.
   */
  chunks: number;
  [k: string]: unknown;
}
/**
 * Some chunks of a content, in order: this head, then their bytes (bus/wire/frame.ts). All are of 256 KiB but the content's last one.
 */
export interface ContentChunksRequest {
  /**
   * SHA-256 of the whole content, hex: its name in the store.
   */
  sha256: string;
  /**
   * Bytes of the whole content.
   */
  size: number;
  /**
   * The number of the first of these chunks; 0: the content's first.
   */
  from: number;
}
/**
 * The document as it is stored.
 */
export interface ContentCommitReply {
  /**
   * The resource's document.
   */
  id: string;
  /**
   * A revision that contains it.
   */
  revision: number;
  /**
   * SHA-256 of the whole content, hex: its name in the store.
   */
  sha256: string;
  /**
   * Bytes of the whole content.
   */
  size: number;
  /**
   * Of the content: rises by 1 with each new one.
   */
  version: number;
  [k: string]: unknown;
}
/**
 * Gives a resource's document a content that is in the store.
 */
export interface ContentCommitRequest {
  /**
   * The mutation's id: the caller's own, or one of a call.
   */
  mutation: string;
  /**
   * uid that asks; 0 is the system.
   */
  by: number;
  /**
   * The resource's document.
   */
  id: string;
  /**
   * Fields of the document that are set with it.
   */
  fields: {
    [k: string]: unknown;
  };
  /**
   * The document was there when the upload began: one that was deleted meanwhile does not come back.
   */
  existed: boolean;
  /**
   * SHA-256 of the whole content, hex: its name in the store.
   */
  sha256?: string;
  /**
   * Instead of `sha256`: the document whose content it is to have, too.
   */
  from?: string;
  /**
   * SHA-256 of the content that the document had where this one was uploaded; empty: none. Refuse when it has yet another one.
   */
  over?: string;
  /**
   * Refuse unless the document is at this revision; 0: it must not exist.
   */
  ifRevision?: number;
}
/**
 * The content is verified and can be read.
 */
export interface ContentEndReply {
  /**
   * Bytes of the whole content.
   */
  size: number;
  [k: string]: unknown;
}
/**
 * Every chunk is stored: asks for the content to be verified and made visible.
 */
export interface ContentEndRequest {
  /**
   * SHA-256 of the whole content, hex: its name in the store.
   */
  sha256: string;
  /**
   * Bytes of the whole content.
   */
  size: number;
}
/**
 * Some chunks of a content: this head, then their bytes (bus/wire/frame.ts).
 */
export interface ContentReadReply {
  /**
   * Bytes of the whole content.
   */
  size: number;
  /**
   * The number of the first chunk.
   */
  from: number;
  /**
   * How many chunks follow.
   */
  chunks: number;
  /**
   * Where the last of them is in the stream; 0: none.
   */
  sequence: number;
  [k: string]: unknown;
}
/**
 * Asks for some chunks of a document's content. A hash alone gives nobody anything: the document is named, and who reads it.
 */
export interface ContentReadRequest {
  /**
   * The resource's document.
   */
  id: string;
  /**
   * uid that asks; 0 is the system.
   */
  by: number;
  /**
   * SHA-256 of the whole content, hex: its name in the store.
   */
  sha256: string;
  /**
   * The number of the first chunk that is wanted.
   */
  from: number;
  /**
   * How many chunks at most; absent: as many as a message of 8 MiB is meant for.
   */
  limit?: number;
  known?: KnownChunk;
}
/**
 * Where an earlier chunk is in the stream, as a reply said: it makes this one quicker to find.
 */
export interface KnownChunk {
  /**
   * Its number.
   */
  chunk: number;
  /**
   * Its sequence in the stream.
   */
  sequence: number;
}
/**
 * One line of the answer: first how many are meant, then what became of each, then how many are left. An error is the last line.
 */
export interface DeadLettersReply {
  kind: "meant" | "done" | "refused" | "end" | "error";
  /**
   * Of `meant` and `end`: so many.
   */
  count?: number;
  /**
   * Of `done` and `refused`: the dead letter's.
   */
  mutation?: string;
  collection?: string;
  id?: string;
  /**
   * Of a retry that is `done`: its revision; null: it waits for the datastore.
   */
  revision?: number | null;
  /**
   * Of `refused` and `error`: why.
   */
  code?: string;
  message?: string;
}
/**
 * What a command asks of the process that works in a webserver's folder, over the socket that is in it. One line.
 */
export interface DeadLettersRequest {
  do: "retry" | "discard";
  /**
   * Which dead letters are meant; `all`: every one.
   */
  mutations: "all" | string[];
}
/**
 * What is said of a version beside its body: NATS headers on the wire, one JSON column in the replica.
 */
export interface Envelope {
  /**
   * The version's id: the id of the mutation that made it.
   */
  version: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * Which webserver sent it.
   */
  webserver: string;
  /**
   * Commit time, RFC 3339.
   */
  at: string;
  /**
   * Commit time of the document's first version.
   */
  created: string;
  /**
   * Of the body, base64url; of no bytes for a tombstone.
   */
  sha256: string;
  /**
   * The mutations that are in this version: the highest n of each source, and the last callers' own ids.
   */
  seen: string;
  /**
   * HMAC-SHA-256 by the functions' key, base64url.
   */
  signature: string;
  /**
   * The true id, escaped, where the subject has only its hash.
   */
  id?: string;
  /**
   * Where the datastore gives ids: the mutation that made the document, so that its retry finds it.
   */
  origin?: string;
  /**
   * The schema version that it was written with, above 1.
   */
  schema?: number;
}
/**
 * The store's own statement on a collection, `_gc.<collection>`: its tombstones up to a revision are collected.
 */
export interface Floor {
  /**
   * A row with a revision up to here that the store does not have was deleted; tombstones up to here count as never having been.
   */
  floor: number;
  /**
   * The revision of a tombstone up to the floor that stays in the store: the one of the highest number that was given.
   */
  kept?: number;
  [k: string]: unknown;
}
/**
 * The store's own `_meta.fuse.<collection>`: the deletions of the last minute, and whether there were too many.
 */
export interface FuseState {
  /**
   * Deletions that were let through, by the second.
   *
   * @maxItems 61
   */
  taken: FuseSecond[];
  /**
   * There were too many; absent: there were not, or somebody has closed it.
   */
  openedAt?: string;
  /**
   * How many there were within the minute.
   */
  deleted?: number;
  /**
   * Of how many documents.
   */
  size?: number;
  /**
   * Deletions that it held were discarded: their webservers are still to be told.
   */
  discards?: boolean;
  /**
   * Deletions that it held are being let go: one that is asked for again takes no place.
   */
  letsGo?: boolean;
}
export interface FuseSecond {
  /**
   * Seconds since 1970.
   */
  at: number;
  /**
   * How many.
   */
  count: number;
}
/**
 * What became of the held deletions.
 */
export interface FusesCloseReply {
  /**
   * False: there are more. Ask again.
   */
  done: boolean;
  /**
   * Let go, or discarded.
   */
  count: number;
  /**
   * Those that can't be done any more.
   *
   * @maxItems 1000
   */
  refused: RefusedDeletion[];
  [k: string]: unknown;
}
export interface RefusedDeletion {
  /**
   * The document's id.
   */
  id: string;
  refused: ErrorReply;
  [k: string]: unknown;
}
/**
 * Closes a collection's fuse, and lets what it holds go or discards it.
 */
export interface FusesCloseRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  collection: string;
  /**
   * The documents stay.
   */
  discard?: boolean;
}
/**
 * The fuses that are open, or hold something still.
 */
export interface FusesListReply {
  /**
   * @maxItems 1000
   */
  fuses: Fuse[];
  [k: string]: unknown;
}
export interface Fuse {
  collection: string;
  /**
   * Absent: it is closed, and what it holds is left over from a close that was interrupted.
   */
  openedAt?: string;
  /**
   * Deletions within the minute before.
   */
  deleted?: number;
  /**
   * Of how many documents.
   */
  size?: number;
  /**
   * Deletions that wait.
   */
  held: number;
  /**
   * The first of them.
   *
   * @maxItems 20
   */
  some: HeldSummary[];
  [k: string]: unknown;
}
export interface HeldSummary {
  /**
   * The document's id.
   */
  id: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  webserver: string;
  /**
   * When it was asked for first.
   */
  at: string;
  [k: string]: unknown;
}
/**
 * Asks for the fuses that are open, and what they hold.
 */
export interface FusesListRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
}
/**
 * It is done.
 */
export interface GroupsSetMembersReply {
  /**
   * A revision that contains what the call did.
   */
  revision: number;
  added: number;
  removed: number;
  [k: string]: unknown;
}
/**
 * Says who is in a group.
 */
export interface GroupsSetMembersRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  gid: number;
  /**
   * uids; all others leave.
   *
   * @maxItems 10000
   */
  members: number[];
}
/**
 * The head beacon: where the stream ends.
 */
export interface Head {
  /**
   * A revision: the number of a message in the stream. 0: none.
   */
  head: number;
}
/**
 * The store's own `_meta.held.<collection>.<id>`: a deletion that the fuse holds.
 */
export interface HeldDeletion {
  /**
   * The document's id.
   */
  id: string;
  /**
   * Whoever asked for it, the last ones.
   *
   * @minItems 1
   * @maxItems 32
   *
   * Items: The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutations: string[];
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  webserver: string;
  /**
   * When it was asked for first.
   */
  at: string;
  /**
   * The revision that it was based on.
   */
  base?: number;
  /**
   * The revision that the document must be at.
   */
  ifRevision?: number;
  /**
   * It will not be done.
   */
  discarded?: boolean;
}
/**
 * A webserver that may come back, as the datastore keeps it durably.
 */
export interface KnownWebserver {
  webserver: string;
  /**
   * It holds every change up to this revision, and had nothing on its way; absent: not said.
   */
  cursor?: number;
  /**
   * ms since 1970.
   */
  at: number;
  [k: string]: unknown;
}
/**
 * The head of a page of the list; the records follow it as bytes (bus/wire/page.ts), without bodies.
 */
export interface ListingReply {
  epochs: Epochs;
  /**
   * The stream's last revision, read before the page.
   */
  head: number;
  /**
   * Go on after this revision.
   */
  last: number;
  /**
   * Nothing is left after `last`: with this page the list is complete up to it.
   */
  done: boolean;
  /**
   * A row of the collection with a revision up to here that is missing in the list was deleted. 0: no tombstone was ever collected.
   */
  floor: number;
  /**
   * How many records follow.
   */
  records: number;
  [k: string]: unknown;
}
/**
 * Asks for one page of the complete list of a collection: which versions there are, without their contents.
 */
export interface ListingRequest {
  /**
   * The last revision of the page before; 0: from the beginning.
   */
  after: number;
}
/**
 * One line of a webserver's file of logins without contact: what a user's have left, to be reported, or that it was.
 */
export interface LoginRecord {
  /**
   * left: it takes the place of the one before with its mutation. reported: it is of no more use.
   */
  kind: "left" | "reported";
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  login?: LocalLogin;
  report?: LoginsReportRequest;
}
/**
 * As it counts on this webserver.
 */
export interface LocalLogin {
  /**
   * The user.
   */
  uid: number;
  /**
   * In a row.
   */
  failures?: number;
  /**
   * Too many failures: no login until then.
   */
  lockedUntil?: string;
  lastLogin?: string;
}
/**
 * What a user's logins on a webserver without contact have left, told when there is contact again.
 */
export interface LoginsReportRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * The user.
   */
  uid: number;
  /**
   * Since the last success there, or the last lock.
   */
  failures: number;
  /**
   * Failures in a row that lock the user.
   */
  lockAfter: number;
  /**
   * For how long (300).
   */
  lockSeconds: number;
  /**
   * Failures have locked the user there.
   */
  lockedUntil?: string;
  /**
   * The last success there.
   */
  lastLogin?: string;
  /**
   * The sessions that began there.
   *
   * @maxItems 100
   */
  sessions: SessionClaims[];
}
/**
 * What the webserver signs.
 */
export interface SessionClaims {
  id: string;
  /**
   * The user.
   */
  uid: number;
  issuedAt: string;
  expiresAt: string;
  /**
   * It began on this webserver without contact with the datastore, and counts there alone until it is confirmed.
   */
  webserver?: string;
  /**
   * Of such a session: the user's `sessionsFrom` as that webserver knew it; a later one ends it.
   */
  sessionsFrom?: string;
  [k: string]: unknown;
}
/**
 * It is counted.
 */
export interface LoginsReportReply {
  /**
   * A revision that contains what the call did.
   */
  revision: number;
  /**
   * The sessions that count on every webserver from now on; the others are over.
   *
   * @maxItems 100
   */
  confirmed: string[];
  [k: string]: unknown;
}
/**
 * What a held webserver is to do.
 */
export interface OfferBeginReply {
  /**
   * wait: an operator has to say what; offer: send everything that is held; adopt: take over what the store has, and set aside what it has not.
   */
  what: "wait" | "offer" | "adopt";
  /**
   * For people: what is the matter, and what to do.
   */
  why: string;
  /**
   * The id of the seeding.
   */
  seed?: string;
  epochs?: Epochs;
  [k: string]: unknown;
}
/**
 * A held webserver says what it has, and asks what to do. Its newest version follows as a record (bus/wire/page.ts): the signature shows whether it is this deployment's.
 */
export interface OfferBeginRequest {
  position: Position;
  /**
   * The id of the first life of the store that a webserver's data are of.
   */
  generation: string;
  /**
   * Rows and tombstones.
   */
  documents: number;
  /**
   * The latest commit time among them; absent: it has nothing but what a first start makes.
   */
  newest?: string;
  /**
   * Writes that are not up yet.
   */
  pending: number;
  /**
   * The webservers that it has known of late.
   *
   * @maxItems 1000
   */
  peers: string[];
}
/**
 * What became of a page.
 */
export interface OfferReply {
  /**
   * How many the store did not have, or older.
   */
  stored: number;
  /**
   * @maxItems 200
   */
  refused: RefusedVersion[];
  /**
   * SHA-256 of contents that are referred to and missing in the store.
   *
   * @maxItems 200
   */
  wanted: string[];
  epochs?: Epochs;
  [k: string]: unknown;
}
export interface RefusedVersion {
  collection: string;
  id: string;
  code: string;
  message: string;
  [k: string]: unknown;
}
/**
 * A page of what a webserver has; the records follow (bus/wire/page.ts), at most 200.
 */
export interface OfferRequest {
  /**
   * As offer-begin has told it.
   */
  seed: string;
  /**
   * The id of the first life of the store that a webserver's data are of.
   */
  generation: string;
  /**
   * How many were sent before.
   */
  offered: number;
  /**
   * How many there are.
   */
  documents: number;
  /**
   * Present: that was all, and so many of them were refused.
   */
  refused?: number;
}
/**
 * One line of a webserver's outbox: a write that waits, or what became of one.
 */
export interface OutboxRecord {
  /**
   * wait: a write. stored, dead: its end. gone: a dead letter that nobody needs any more.
   */
  kind: "wait" | "stored" | "dead" | "gone";
  mutation?: string;
  collection?: string;
  /**
   * Absent: of a new document, whose id the datastore gives.
   */
  id?: string;
  by?: number;
  /**
   * When it was asked for, RFC 3339; of `dead`: when it was refused.
   */
  at?: string;
  /**
   * The schema version that the body is of, above 1.
   */
  schema?: number;
  op?: "put" | "patch" | "delete";
  /**
   * Of a put the document, of a patch the merge.
   */
  body?: Record<string, unknown>;
  /**
   * Of an upload: the content that the document is to have; it is in the webserver's folder.
   */
  content?: {
    sha256: string;
    size: number;
    /**
     * SHA-256 of the content that the document had then; empty: none.
     */
    over?: string;
  };
  base?: number;
  ifRevision?: number;
  /**
   * @maxItems 10000
   */
  diff?: FieldChange[];
  /**
   * It was made on top of the write of the same document that waited before it.
   */
  chained?: boolean;
  /**
   * Of `stored`: under which.
   */
  revision?: number;
  /**
   * Of `dead`: why.
   */
  code?: string;
  message?: string;
}
/**
 * A webserver's last check-in, as the handlers keep it.
 */
export interface Presence {
  webserver: string;
  /**
   * Where other webservers reach this one. Absent: an observer, in nobody's peers.
   */
  externalAddr?: string;
  version: string;
  state: "synced" | "catching-up" | "degraded" | "held";
  /**
   * A revision: the number of a message in the stream. 0: none.
   */
  cursor: number;
  pending: number;
  intervalMs: number;
  /**
   * ms since 1970.
   */
  at: number;
  vitals?: Vitals;
  claim?: Claim;
  [k: string]: unknown;
}
/**
 * The store's own `_meta.restore`: the restore that is under way, or the last one.
 */
export interface Restore {
  /**
   * Of the restore.
   */
  id: string;
  /**
   * SHA-256 of what is restored, hex.
   */
  hash: string;
  /**
   * merge: of each document the later version stays. replace: the datastore becomes what was backed up.
   */
  mode: "merge" | "replace";
  /**
   * Its name, for people.
   */
  source: string;
  /**
   * Of the source.
   */
  records: number;
  /**
   * Of them, those that were looked at; it never decides anything.
   */
  done: number;
  /**
   * When it began.
   */
  startedAt: string;
  /**
   * Which connection does it.
   */
  runner: string;
  /**
   * When that was heard of last.
   */
  seenAt: string;
  /**
   * Absent: it is not over.
   */
  endedAt?: string;
  outcome?: "done" | "given-up";
}
/**
 * The head of a page of last versions; the records follow it as bytes (bus/wire/page.ts), tombstones included.
 */
export interface RowsReply {
  epochs: Epochs;
  /**
   * The stream's last revision, read before the page.
   */
  head: number;
  /**
   * How many of the tokens, from the first on, this page is about; the others have to be asked for again.
   */
  answered: number;
  /**
   * How many records follow.
   */
  records: number;
  [k: string]: unknown;
}
/**
 * Asks for the last versions of some documents of a collection.
 */
export interface RowsRequest {
  /**
   * The documents' ids as they are in subjects.
   *
   * @minItems 1
   * @maxItems 200
   */
  tokens: string[];
}
/**
 * It is done.
 */
export interface SearchesClearReply {
  /**
   * A revision that contains what the call did.
   */
  revision: number;
  cleared: number;
  [k: string]: unknown;
}
/**
 * Clears a user's search history.
 */
export interface SearchesClearRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * Whose.
   */
  uid: number;
}
/**
 * The store's document `_meta.seeding`: from which webservers it is filled, or was.
 */
export interface Seeding {
  id: string;
  /**
   * signed: nobody's, an empty store takes what its own key has signed; accept: an operator's, everything is taken; replace: an operator's, the webservers give up what the store has not.
   */
  word: "signed" | "accept" | "replace";
  /**
   * Webservers are waited for; meanwhile nothing is written.
   */
  open: boolean;
  /**
   * The generations whose webservers this is about.
   *
   * @minItems 1
   * @maxItems 100
   *
   * Items: The id of the first life of the store that a webserver's data are of.
   */
  from: string[];
  /**
   * It is about webservers whose newest version was committed before: what is younger is a riddle of its own.
   */
  until: string;
  /**
   * RFC 3339.
   */
  openedAt: string;
  /**
   * RFC 3339.
   */
  closedAt?: string;
  /**
   * Those that are known from the offers, and whether they have offered all.
   */
  webservers: {
    [k: string]: boolean;
  };
  /**
   * By collection: new documents get numbers from this one on.
   */
  next: {
    [k: string]: number;
  };
  /**
   * @maxItems 100
   */
  renamed: RenamedUser[];
  [k: string]: unknown;
}
/**
 * A user who was stored under another name, and locked, because somebody else has the name.
 */
export interface RenamedUser {
  uid: string;
  user: string;
  storedAs: string;
  [k: string]: unknown;
}
/**
 * How it stands.
 */
export interface StoresReseedReply {
  /**
   * Of the store.
   */
  generation: string;
  seeding?: Seeding;
  /**
   * @maxItems 10000
   */
  held: HeldWebserver[];
  [k: string]: unknown;
}
export interface HeldWebserver {
  webserver: string;
  claim: Claim;
  [k: string]: unknown;
}
/**
 * An operator's word on a store that is not the one which webservers know.
 */
export interface StoresReseedRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * look: only say how it stands; accept: the webservers bring the store forward by what they have; replace: they give up what the store has not; close: no further webserver is waited for.
   */
  word: "look" | "accept" | "replace" | "close";
  /**
   * The generations whose webservers it is about; absent: that of all held webservers, when there is one.
   *
   * @minItems 1
   * @maxItems 100
   *
   * Items: The id of the first life of the store that a webserver's data are of.
   */
  from?: string[];
}
/**
 * Who logged in, and the session.
 */
export interface UsersLoginReply {
  /**
   * The user.
   */
  uid: number;
  user: string;
  admin: boolean;
  session: SessionClaims;
  /**
   * The password is the one of the first start: demand another one.
   */
  defaultPassword: boolean;
  [k: string]: unknown;
}
/**
 * Checks a user's password, counts failures, and begins a session.
 */
export interface UsersLoginRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  user: string;
  /**
   * As the user types it.
   */
  password: string;
  /**
   * How long the session is to last (3600).
   */
  sessionSeconds?: number;
  /**
   * Failures in a row that lock the user (5).
   */
  lockAfter?: number;
  /**
   * For how long (300).
   */
  lockSeconds?: number;
}
/**
 * It is done.
 */
export interface UsersLogoutReply {
  /**
   * A revision that contains what the call did; null: there is no contact, and it waits in the outbox.
   */
  revision: number | null;
  [k: string]: unknown;
}
/**
 * Ends one session, or all of a user's.
 */
export interface UsersLogoutRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * The user.
   */
  uid: number;
  /**
   * Absent: all sessions of the user.
   */
  session?: string;
  /**
   * When the session would end by itself.
   */
  expiresAt?: string;
}
/**
 * It is done.
 */
export interface UsersSetAdminReply {
  /**
   * A revision that contains what the call did.
   */
  revision: number;
  [k: string]: unknown;
}
/**
 * Makes a user an admin, or no longer one.
 */
export interface UsersSetAdminRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * The user.
   */
  uid: number;
  admin: boolean;
}
/**
 * It is done.
 */
export interface UsersSetLockedReply {
  /**
   * A revision that contains what the call did.
   */
  revision: number;
  [k: string]: unknown;
}
/**
 * Locks a user, which ends the sessions everywhere, or unlocks, which also ends a lock from failed logins.
 */
export interface UsersSetLockedRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * The user.
   */
  uid: number;
  locked: boolean;
}
/**
 * It is done.
 */
export interface UsersSetPasswordReply {
  /**
   * A revision that contains what the call did.
   */
  revision: number;
  [k: string]: unknown;
}
/**
 * Sets a password, and ends the user's sessions.
 */
export interface UsersSetPasswordRequest {
  /**
   * The mutation's id: `<webserver>.<incarnation>.<n>`, or the caller's own.
   */
  mutation: string;
  /**
   * uid that does this; 0 is the system.
   */
  by: number;
  /**
   * The user.
   */
  uid: number;
  /**
   * As the user types it.
   */
  password: string;
  /**
   * The password until now: needed when the user does it, not when an admin does.
   */
  current?: string;
  /**
   * Failed logins, and wrong passwords here, in a row that lock the user (5).
   */
  lockAfter?: number;
  /**
   * For how long (300).
   */
  lockSeconds?: number;
}
/**
 * The head of a page of versions; the records follow it as bytes (bus/wire/page.ts).
 */
export interface VersionsReply {
  /**
   * No version is left after this page.
   */
  done: boolean;
  /**
   * How many records follow.
   */
  records: number;
  [k: string]: unknown;
}
/**
 * Asks for one page of the kept versions of a document, oldest first.
 */
export interface VersionsRequest {
  id: string;
  /**
   * The last revision of the page before; absent: from the oldest.
   */
  after?: number;
}
/**
 * The webservers that a load balancer last heard of, on its own disk: with them it starts when the datastore can't be reached.
 */
export interface WebserversRecord {
  /**
   * @maxItems 10000
   */
  webservers: ListedWebserver[];
  [k: string]: unknown;
}
export interface ListedWebserver {
  webserver: string;
  externalAddr: string;
  [k: string]: unknown;
}
/**
 * Of /api/events: a document has changed. Its id as an event is the revision.
 */
export interface ChangeEvent {
  collection: string;
  id: string;
  revision: number;
  /**
   * It is deleted, or is not to be seen any more; it may also be one that never was.
   */
  deleted: boolean;
  /**
   * The uid that changed it; 0: the system. Absent where it is not to be seen.
   */
  by?: number;
  [k: string]: unknown;
}
/**
 * Whether this webserver should get users. With 503 it should not.
 */
export interface HealthReply {
  ready: boolean;
  /**
   * Which one answers: its id. A load balancer asks for it before it sends users.
   */
  webserver?: string;
  /**
   * Why not.
   */
  reason?: string;
  state: "synced" | "catching-up" | "degraded" | "held";
  [k: string]: unknown;
}
/**
 * The session that has begun.
 */
export interface LoginReply {
  LoginStatus: true;
  /**
   * Send it as `Authorization: Bearer`; browsers have it as a cookie.
   */
  JWT: string;
  uid: number;
  user: string;
  admin: boolean;
  expiresAt: string;
  /**
   * The password is the one of the first start: demand another one.
   */
  defaultPassword: boolean;
  [k: string]: unknown;
}
/**
 * Who wants to log in.
 */
export interface LoginRequest {
  User: string;
  /**
   * As the user types it.
   */
  Pass: string;
}
/**
 * Of /api/events, for admins: the last second.
 */
export interface MetricsEvent {
  at: string;
  /**
   * Revisions that this webserver has come forward, whoever made them.
   */
  mutationsPerSecond: number;
  /**
   * From a change's commit, by the datastore's clock, until it could be read here, by this machine's: what the two clocks differ by is in it, and what comes out below 0 counts as 0. After an outage it tells how old the changes are that come in. null: nothing came.
   */
  propagationMs: {
    p50: number | null;
    p99: number | null;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
/**
 * A write that waits on this webserver's disk for the datastore; with code and message one that was refused.
 */
export interface QueuedReply {
  mutationId: string;
  collection: string;
  /**
   * Empty: the datastore would have given it.
   */
  id: string;
  op: "put" | "patch" | "delete";
  /**
   * When it was asked for.
   */
  at: string;
  by: number;
  /**
   * Of an upload: what the document was to have as its content.
   */
  content?: {
    sha256?: string;
    size?: number;
    [k: string]: unknown;
  };
  /**
   * Why it was refused.
   */
  code?: string;
  message?: string;
  /**
   * Of a put the document, of a patch the merge. Only where one is asked for.
   */
  body?: unknown;
  [k: string]: unknown;
}
/**
 * How this webserver does. Whoever is logged in is told the first five; admins all.
 */
export interface StatusReply {
  webserver: string;
  state: "synced" | "catching-up" | "degraded" | "held";
  /**
   * What it means for a user, in one or two sentences.
   */
  words: string;
  /**
   * Everybody should read `words` now: something does not work as usual, or will not in a moment.
   */
  alert: boolean;
  /**
   * It stops soon: the next request may be answered by another webserver.
   */
  draining: boolean;
  warnings?: {
    code: string;
    message: string;
  }[];
  externalAddr?: string;
  version?: string;
  /**
   * The id of the datastore's first life; null: no contact yet.
   */
  generation?: string | null;
  /**
   * The datastore's last revision, as far as it is known.
   */
  head?: number | null;
  /**
   * Every change up to this revision is held here.
   */
  cursor?: number;
  /**
   * Writes of this webserver that are not up yet.
   */
  pending?: number;
  deadLetters?: number;
  conflicts?: number;
  /**
   * Since this webserver started.
   */
  counters?: {
    [k: string]: number;
  };
  /**
   * The other webservers, as of their last check-ins.
   */
  peers?: {
    webserver: string;
    state: "synced" | "catching-up" | "degraded" | "held";
    cursor: number;
    /**
     * Revisions behind the head, at its last check-in. Absent, as what follows: not known.
     */
    lag?: number;
    /**
     * Since its last check-in reached the datastore. While this webserver has no contact it grows, whatever the other one does.
     */
    heartbeatAgeMs: number;
    pending?: number;
    deadLetters?: number;
    conflicts?: number;
    draining?: boolean;
    externalAddr: string;
    version: string;
    [k: string]: unknown;
  }[];
  [k: string]: unknown;
}
/**
 * A version of a document, as the datastore keeps it.
 */
export interface VersionOfReply {
  op: "put" | "delete";
  id: string;
  revision: number;
  /**
   * Absent: it was deleted, or was not to be seen.
   */
  doc?: Record<string, unknown>;
  by: number;
  at: string;
  [k: string]: unknown;
}
/**
 * Which frontsync this is.
 */
export interface VersionReply {
  version: string;
  webserver: string;
  [k: string]: unknown;
}
/**
 * What was written. With 202 it waits on this webserver's disk until the datastore can be reached.
 */
export interface WrittenReply {
  id: string;
  /**
   * A revision that contains it; null: it waits.
   */
  revision: number | null;
  mutationId?: string;
  [k: string]: unknown;
}
/**
 * The side of a conflict that lost, kept until somebody resolves or discards it.
 */
export interface ConflictCopy {
  id: string;
  collection: string;
  docId: string;
  /**
   * What was to be stored: a document, or null for a deletion. {patch} with a merge patch, when what it was to change is not kept any more.
   */
  losing?: unknown;
  /**
   * The revision that the edit was based on which lost, or overwrote.
   */
  base: number;
  /**
   * The revision that it lost to; 0: that is not known, or nothing is there.
   */
  winner: number;
  /**
   * Who made it.
   */
  by: number;
  /**
   * When it lost.
   */
  at: string;
}
/**
 * A dashboard: a named, shareable page of searches and their layout.
 */
export interface Dashboard {
  /**
   * Unique in its collection; made by the webserver when it is not given.
   */
  id: string;
  /**
   * uid of the owner; 0 is the system.
   */
  ownerId?: number;
  readers?: Audience;
  writers?: Audience;
  name: string;
  description?: string;
  /**
   * @maxItems 256
   */
  labels?: string[];
  /**
   * Commit time of the first version.
   */
  createdAt?: string;
  /**
   * Commit time of this version.
   */
  updatedAt?: string;
  /**
   * uid that wrote this version; 0 is the system.
   */
  lastModifiedBy?: number;
  /**
   * What the page shows: JSON that only the web interface understands.
   */
  data?: unknown;
}
/**
 * A webserver that is to get no users, until this is deleted: it says so in its health, and load balancers send users elsewhere.
 */
export interface Drain {
  /**
   * The webserver's id; or the name of one that a load balancer knows by itself.
   */
  id: string;
  createdAt?: string;
  updatedAt?: string;
  lastModifiedBy?: number;
}
/**
 * A group of users. Users name their groups.
 */
export interface Group {
  /**
   * Given by the datastore, never used again.
   */
  gid: number;
  name: string;
  description?: string;
  createdAt?: string;
  updatedAt?: string;
  lastModifiedBy?: number;
}
/**
 * What logins leave: failures in a row, the lock that they cause, the last success. Apart from the user, so that it never collides with an admin's edit.
 */
export interface Login {
  /**
   * The user.
   */
  uid: number;
  /**
   * In a row.
   */
  failures?: number;
  /**
   * Too many failures: no login until then.
   */
  lockedUntil?: string;
  lastLogin?: string;
  updatedAt?: string;
}
/**
 * A named piece of a query.
 */
export interface Macro {
  /**
   * Unique in its collection; made by the webserver when it is not given.
   */
  id: string;
  /**
   * uid of the owner; 0 is the system.
   */
  ownerId?: number;
  readers?: Audience;
  writers?: Audience;
  name: string;
  description?: string;
  /**
   * @maxItems 256
   */
  labels?: string[];
  /**
   * Commit time of the first version.
   */
  createdAt?: string;
  /**
   * Commit time of this version.
   */
  updatedAt?: string;
  /**
   * uid that wrote this version; 0 is the system.
   */
  lastModifiedBy?: number;
  /**
   * What the name stands for.
   */
  expansion?: string;
}
/**
 * A page of text and queries.
 */
export interface Playbook {
  /**
   * Unique in its collection; made by the webserver when it is not given.
   */
  id: string;
  /**
   * uid of the owner; 0 is the system.
   */
  ownerId?: number;
  readers?: Audience;
  writers?: Audience;
  name: string;
  description?: string;
  /**
   * @maxItems 256
   */
  labels?: string[];
  /**
   * Commit time of the first version.
   */
  createdAt?: string;
  /**
   * Commit time of this version.
   */
  updatedAt?: string;
  /**
   * uid that wrote this version; 0 is the system.
   */
  lastModifiedBy?: number;
  /**
   * Markdown.
   */
  body?: string;
}
/**
 * One named set of a user's preferences, for example `prefs` or `emailSettings`.
 */
export interface Preference {
  /**
   * The user whose preferences these are.
   */
  uid: number;
  name: string;
  /**
   * JSON that only the web interface understands.
   */
  data?: unknown;
  createdAt?: string;
  updatedAt?: string;
  lastModifiedBy?: number;
}
/**
 * A saved query.
 */
export interface SavedQuery {
  /**
   * Unique in its collection; made by the webserver when it is not given.
   */
  id: string;
  /**
   * uid of the owner; 0 is the system.
   */
  ownerId?: number;
  readers?: Audience;
  writers?: Audience;
  name: string;
  description?: string;
  /**
   * @maxItems 256
   */
  labels?: string[];
  /**
   * Commit time of the first version.
   */
  createdAt?: string;
  /**
   * Commit time of this version.
   */
  updatedAt?: string;
  /**
   * uid that wrote this version; 0 is the system.
   */
  lastModifiedBy?: number;
  query?: string;
}
/**
 * A file that searches use: a lookup table, a binary. Its content is stored apart, by its hash.
 */
export interface Resource {
  /**
   * Unique in its collection; made by the webserver when it is not given.
   */
  id: string;
  /**
   * uid of the owner; 0 is the system.
   */
  ownerId?: number;
  readers?: Audience;
  writers?: Audience;
  name: string;
  description?: string;
  /**
   * @maxItems 256
   */
  labels?: string[];
  /**
   * Commit time of the first version.
   */
  createdAt?: string;
  /**
   * Commit time of this version.
   */
  updatedAt?: string;
  /**
   * uid that wrote this version; 0 is the system.
   */
  lastModifiedBy?: number;
  /**
   * Bytes of the content.
   */
  size?: number;
  /**
   * Of the content, hex.
   */
  sha256?: string;
  /**
   * Rises by 1 with each new content.
   */
  version?: number;
}
/**
 * The result of a search: who may open it, and which webserver holds it. The lines themselves stay on that webserver's disk.
 */
export interface Result {
  /**
   * Unique in its collection; made by the webserver when it is not given.
   */
  id: string;
  /**
   * uid of the owner; 0 is the system.
   */
  ownerId?: number;
  readers?: Audience;
  writers?: Audience;
  name?: string;
  description?: string;
  /**
   * @maxItems 256
   */
  labels?: string[];
  /**
   * Commit time of the first version.
   */
  createdAt?: string;
  /**
   * Commit time of this version.
   */
  updatedAt?: string;
  /**
   * uid that wrote this version; 0 is the system.
   */
  lastModifiedBy?: number;
  /**
   * Which one holds the lines.
   */
  webserver: string;
  /**
   * As the user typed it.
   */
  query: string;
  /**
   * Lines from this time on.
   */
  from?: string;
  /**
   * Lines before this time.
   */
  to?: string;
  state: "running" | "done" | "stopped" | "failed";
  /**
   * Somebody asks its webserver to stop it.
   */
  stop?: boolean;
  /**
   * It runs on when nobody looks at it.
   */
  background?: boolean;
  /**
   * It is kept until somebody deletes it; others are deleted after a time.
   */
  saved?: boolean;
  /**
   * How many were found.
   */
  lines?: number;
  /**
   * Of the result.
   */
  bytes?: number;
  /**
   * There was more than a result may hold.
   */
  truncated?: boolean;
  /**
   * Why it failed.
   */
  fault?: string;
  endedAt?: string;
}
/**
 * An entry of a user's search history.
 */
export interface Search {
  /**
   * Whose history this is in.
   */
  uid: number;
  /**
   * Its place, given by the datastore: a new entry takes a free one, or that of the oldest, so no deletion is left behind. As many places as the datastore uses (Max-Search-History), so many entries are kept.
   */
  slot: number;
  /**
   * gids that may see the results.
   *
   * @maxItems 10000
   */
  groups?: number[];
  /**
   * As the user typed it.
   */
  userQuery: string;
  /**
   * As it ran.
   */
  effectiveQuery?: string;
  /**
   * When it ran last.
   */
  launched?: string;
  /**
   * Which one holds the results.
   */
  webserver?: string;
  /**
   * The id of the results there.
   */
  search?: string;
  createdAt?: string;
  updatedAt?: string;
  lastModifiedBy?: number;
}
/**
 * A session that was ended before its time, or that began without the datastore and is confirmed. Any other one that is not here lives until it expires.
 */
export interface Session {
  /**
   * The session's id.
   */
  id: string;
  /**
   * Whose session it was.
   */
  uid: number;
  /**
   * When it would have ended by itself; then this is of no more use.
   */
  expiresAt?: string;
  /**
   * Not ended: it began on a webserver without contact, and counts everywhere by now.
   */
  confirmed?: boolean;
  createdAt?: string;
  updatedAt?: string;
  lastModifiedBy?: number;
}
/**
 * A key that webservers sign sessions with. There are three places: a new key takes that of the oldest, which nobody uses any more. Only the system reads them: no user, and no admin either.
 */
export interface SigningKey {
  /**
   * Its place.
   */
  id: "0" | "1" | "2";
  /**
   * Names the key in the tokens that it signed.
   */
  kid?: string;
  /**
   * 256 bits, for HMAC-SHA-256. A backup without secrets leaves it out; then the key is none.
   */
  key?: string;
  createdAt?: string;
  /**
   * When it was published. Webservers begin to sign with it a while later.
   */
  updatedAt?: string;
  lastModifiedBy?: number;
}
/**
 * A query with a variable.
 */
export interface Template {
  /**
   * Unique in its collection; made by the webserver when it is not given.
   */
  id: string;
  /**
   * uid of the owner; 0 is the system.
   */
  ownerId?: number;
  readers?: Audience;
  writers?: Audience;
  name: string;
  description?: string;
  /**
   * @maxItems 256
   */
  labels?: string[];
  /**
   * Commit time of the first version.
   */
  createdAt?: string;
  /**
   * Commit time of this version.
   */
  updatedAt?: string;
  /**
   * uid that wrote this version; 0 is the system.
   */
  lastModifiedBy?: number;
  query?: string;
  variable?: string;
}
/**
 * A user of the product. uid 1 is the default admin.
 */
export interface User {
  /**
   * Given by the datastore, never used again.
   */
  uid: number;
  /**
   * What the user logs in with; unique, whatever its case.
   */
  user: string;
  name?: string;
  email?: string;
  admin?: boolean;
  /**
   * By an admin: no login, and every session is over.
   */
  locked?: boolean;
  /**
   * gids.
   *
   * @maxItems 10000
   */
  groups?: number[];
  /**
   * The gid that new searches are shared with.
   */
  defaultGroup?: number;
  password?: PasswordHash;
  /**
   * The password is the one of the first start.
   */
  defaultPassword?: boolean;
  /**
   * Sessions that began before are over.
   */
  sessionsFrom?: string;
  createdAt?: string;
  updatedAt?: string;
  lastModifiedBy?: number;
}

/** The collections, by name, with the type of their documents. */
export interface Collections {
  conflicts: ConflictCopy;
  dashboards: Dashboard;
  drains: Drain;
  groups: Group;
  logins: Login;
  macros: Macro;
  playbooks: Playbook;
  preferences: Preference;
  queries: SavedQuery;
  resources: Resource;
  results: Result;
  searches: Search;
  sessions: Session;
  signingkeys: SigningKey;
  templates: Template;
  users: User;
}

/** The messages, by the name of their schema file. */
export interface Messages {
  "backups.abort.reply": BackupsAbortReply;
  "backups.abort.request": BackupsAbortRequest;
  "backups.begin.reply": BackupsBeginReply;
  "backups.begin.request": BackupsBeginRequest;
  "backups.finish.reply": BackupsFinishReply;
  "backups.finish.request": BackupsFinishRequest;
  "backups.restore.reply": BackupsRestoreReply;
  "backups.restore.request": BackupsRestoreRequest;
  "backups.sessions.reply": BackupsSessionsReply;
  "backups.sessions.request": BackupsSessionsRequest;
  "batch.reply": BatchReply;
  "batch.request": BatchRequest;
  "changes.reply": ChangesReply;
  "changes.request": ChangesRequest;
  "check-in.reply": CheckInReply;
  "check-in.request": CheckInRequest;
  claim: Claim;
  "content-begin.reply": ContentBeginReply;
  "content-begin.request": ContentBeginRequest;
  "content-check.reply": ContentCheckReply;
  "content-check.request": ContentCheckRequest;
  "content-chunks.reply": ContentChunksReply;
  "content-chunks.request": ContentChunksRequest;
  "content-commit.reply": ContentCommitReply;
  "content-commit.request": ContentCommitRequest;
  "content-end.reply": ContentEndReply;
  "content-end.request": ContentEndRequest;
  "content-read.reply": ContentReadReply;
  "content-read.request": ContentReadRequest;
  "dead-letters.reply": DeadLettersReply;
  "dead-letters.request": DeadLettersRequest;
  "delete.request": DeleteRequest;
  envelope: Envelope;
  epochs: Epochs;
  "error.reply": ErrorReply;
  "field-change": FieldChange;
  floor: Floor;
  fuse: FuseState;
  "fuses.close.reply": FusesCloseReply;
  "fuses.close.request": FusesCloseRequest;
  "fuses.list.reply": FusesListReply;
  "fuses.list.request": FusesListRequest;
  "groups.setMembers.reply": GroupsSetMembersReply;
  "groups.setMembers.request": GroupsSetMembersRequest;
  head: Head;
  "held-deletion": HeldDeletion;
  "known-webserver": KnownWebserver;
  "listing.reply": ListingReply;
  "listing.request": ListingRequest;
  "login.record": LoginRecord;
  "logins.report.reply": LoginsReportReply;
  "logins.report.request": LoginsReportRequest;
  "offer-begin.reply": OfferBeginReply;
  "offer-begin.request": OfferBeginRequest;
  "offer.reply": OfferReply;
  "offer.request": OfferRequest;
  "outbox.record": OutboxRecord;
  "patch.request": PatchRequest;
  position: Position;
  presence: Presence;
  "put.request": PutRequest;
  restore: Restore;
  "restored-version": RestoredVersion;
  "rows.reply": RowsReply;
  "rows.request": RowsRequest;
  "searches.clear.reply": SearchesClearReply;
  "searches.clear.request": SearchesClearRequest;
  seeding: Seeding;
  "session-claims": SessionClaims;
  "stores.reseed.reply": StoresReseedReply;
  "stores.reseed.request": StoresReseedRequest;
  "users.login.reply": UsersLoginReply;
  "users.login.request": UsersLoginRequest;
  "users.logout.reply": UsersLogoutReply;
  "users.logout.request": UsersLogoutRequest;
  "users.setAdmin.reply": UsersSetAdminReply;
  "users.setAdmin.request": UsersSetAdminRequest;
  "users.setLocked.reply": UsersSetLockedReply;
  "users.setLocked.request": UsersSetLockedRequest;
  "users.setPassword.reply": UsersSetPasswordReply;
  "users.setPassword.request": UsersSetPasswordRequest;
  "versions.reply": VersionsReply;
  "versions.request": VersionsRequest;
  vitals: Vitals;
  "webservers.record": WebserversRecord;
  "write.reply": WriteReply;
  "change.event": ChangeEvent;
  "health.reply": HealthReply;
  "login.reply": LoginReply;
  "login.request": LoginRequest;
  "metrics.event": MetricsEvent;
  "queued.reply": QueuedReply;
  "status.reply": StatusReply;
  "version-of.reply": VersionOfReply;
  "version.reply": VersionReply;
  "written.reply": WrittenReply;
}

/** The named functions: what they are asked, beside who asks, and what they answer. */
export interface Calls {
  "backups.abort": { request: Omit<BackupsAbortRequest, "mutation" | "by">; reply: BackupsAbortReply };
  "backups.begin": { request: Omit<BackupsBeginRequest, "mutation" | "by">; reply: BackupsBeginReply };
  "backups.finish": { request: Omit<BackupsFinishRequest, "mutation" | "by">; reply: BackupsFinishReply };
  "backups.restore": { request: Omit<BackupsRestoreRequest, "mutation" | "by">; reply: BackupsRestoreReply };
  "backups.sessions": { request: Omit<BackupsSessionsRequest, "mutation" | "by">; reply: BackupsSessionsReply };
  "fuses.close": { request: Omit<FusesCloseRequest, "mutation" | "by">; reply: FusesCloseReply };
  "fuses.list": { request: Omit<FusesListRequest, "mutation" | "by">; reply: FusesListReply };
  "groups.setMembers": { request: Omit<GroupsSetMembersRequest, "mutation" | "by">; reply: GroupsSetMembersReply };
  "logins.report": { request: Omit<LoginsReportRequest, "mutation" | "by">; reply: LoginsReportReply };
  "searches.clear": { request: Omit<SearchesClearRequest, "mutation" | "by">; reply: SearchesClearReply };
  "stores.reseed": { request: Omit<StoresReseedRequest, "mutation" | "by">; reply: StoresReseedReply };
  "users.login": { request: Omit<UsersLoginRequest, "mutation" | "by">; reply: UsersLoginReply };
  "users.logout": { request: Omit<UsersLogoutRequest, "mutation" | "by">; reply: UsersLogoutReply };
  "users.setAdmin": { request: Omit<UsersSetAdminRequest, "mutation" | "by">; reply: UsersSetAdminReply };
  "users.setLocked": { request: Omit<UsersSetLockedRequest, "mutation" | "by">; reply: UsersSetLockedReply };
  "users.setPassword": { request: Omit<UsersSetPasswordRequest, "mutation" | "by">; reply: UsersSetPasswordReply };
}
