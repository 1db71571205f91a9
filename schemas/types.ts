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
   * Schema version of the documents. Raise it with each change that older code can't read.
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
   * The field with the uid of the document's owner.
   */
  owner?: string;
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
   * Whether a webserver may queue writes while the datastore can't be reached.
   */
  offline: boolean;
  retention: {
    /**
     * 20: the last 20 versions of each document are kept. 1: only the current one.
     */
    versions: 1 | 20;
  };
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
}
/**
 * One change of an edit, as the merge by field takes it.
 */
export interface FieldChange {
  /**
   * JSON pointer.
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
   * Nothing is left between `last` and `head`.
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
   * Advice: wait at least this long between check-ins.
   */
  intervalMs: number;
  /**
   * @maxItems 100
   */
  warnings: Warning[];
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
  [k: string]: unknown;
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

/** The collections, by name, with the type of their documents. */
export interface Collections {
  dashboards: Dashboard;
  preferences: Preference;
}

/** The messages, by the name of their schema file. */
export interface Messages {
  "batch.reply": BatchReply;
  "batch.request": BatchRequest;
  "changes.reply": ChangesReply;
  "changes.request": ChangesRequest;
  "check-in.reply": CheckInReply;
  "check-in.request": CheckInRequest;
  "delete.request": DeleteRequest;
  envelope: Envelope;
  epochs: Epochs;
  "error.reply": ErrorReply;
  "field-change": FieldChange;
  head: Head;
  "patch.request": PatchRequest;
  presence: Presence;
  "put.request": PutRequest;
  "write.reply": WriteReply;
}
