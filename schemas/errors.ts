/** Every error code of frontsync, in one table: what it means, what to do, and whether the same call may succeed when it is
 *  tried again with the same mutation id. Codes are append-only. docs/errors.md is generated from this table. */
export const ERRORS = {
  BAD_CONFIG: {
    retryable: false,
    meaning: "An option or a setting is missing, malformed or unsafe.",
    todo: "Correct the option that the message names.",
  },
  BAD_MESSAGE: {
    retryable: false,
    meaning: "A message is not JSON, or not of the shape that its schema asks for.",
    todo: "Look at `path`; check that both sides run compatible versions.",
  },
  SCHEMA_INVALID: {
    retryable: false,
    meaning: "A document breaks its collection's schema.",
    todo: "Correct the field at `path`.",
  },
  UNKNOWN_COLLECTION: {
    retryable: false,
    meaning: "No schema declares this collection.",
    todo: "Check the name, or add the schema file on the datastore and on every webserver.",
  },
  UNKNOWN_CALL: { retryable: false, meaning: "No function has this name.", todo: "Check the name; upgrade the datastore first." },
  UNKNOWN_INDEX: {
    retryable: false,
    meaning: "A query filters or sorts by a field that the collection does not index.",
    todo: "Use a declared index, or declare one in the collection's schema.",
  },
  BAD_ID: {
    retryable: false,
    meaning: "An id is empty, too long, not well-formed Unicode, or is not the one that the document's key gives.",
    todo: "Use an id of 1 to 1024 bytes of UTF-8.",
  },
  TOO_LARGE: {
    retryable: false,
    meaning: "Something is over its limit; nothing of it was stored.",
    todo: "Keep below `limit` (bytes or items).",
  },
  NOT_FOUND: { retryable: false, meaning: "The document does not exist, was deleted, or is not visible.", todo: "Check the id." },
  REVISION_CONFLICT: {
    retryable: false,
    meaning: "The document changed since the revision that the write was based on; nothing was stored.",
    todo: "Look at `current`, merge, and write again.",
  },
  NOT_ALLOWED: {
    retryable: false,
    meaning: "The user, or the webserver, has no right to do this.",
    todo: "Ask the owner or an administrator.",
  },
  DATASTORE_UNREACHABLE: {
    retryable: true,
    meaning: "The datastore can't be reached, and the operation needs it; nothing was sent.",
    todo: "Check that the datastore runs and that its address is right; try again.",
  },
  OUTCOME_UNKNOWN: {
    retryable: true,
    meaning: "The operation was sent, and no answer came: it may have happened.",
    todo: "Look before you repeat it.",
  },
  TIMEOUT: {
    retryable: true,
    meaning: "No answer within the deadline. A write may still take effect, once.",
    todo: "Repeat the call with the same mutationId.",
  },
  HELD: {
    retryable: true,
    meaning:
      "This webserver holds data that the datastore does not know; it serves what it has, and changes nothing until that is settled.",
    todo: "See status().warnings; bring the right datastore back, or see `frontsync reseed`.",
  },
  SEEDING: {
    retryable: true,
    meaning: "The datastore is being filled from the webservers.",
    todo: "Wait until all webservers that are known have offered what they have; `frontsync reseed --close` ends it.",
  },
  GENERATION_CHANGED: {
    retryable: true,
    meaning: "The datastore is not the one that this revision came from.",
    todo: "Read again, and use the new revision.",
  },
  FUSE_OPEN: {
    retryable: true,
    meaning: "Too many deletions at once: they are held.",
    todo: "An admin lets the held deletions go or discards them: `frontsync fuse close`.",
  },
  AUTH_REFUSED: {
    retryable: false,
    meaning: "The datastore refused the webserver's credentials.",
    todo: "Give the webserver and the datastore the same Control-Auth.",
  },
  DIR_IN_USE: { retryable: false, meaning: "Another process works in this folder.", todo: "Stop it, or choose another folder." },
  CLOSED: { retryable: false, meaning: "The bus or datastore was closed.", todo: "Open it again." },
  CONTENT_MISSING: {
    retryable: true,
    meaning: "A resource's content is not in the datastore.",
    todo: "Wait for a webserver that still has it, or upload it again.",
  },
  CONTENT_MISMATCH: {
    retryable: false,
    meaning: "A content is not of the size or hash that was announced.",
    todo: "Upload it again.",
  },
  DISK_FULL: {
    retryable: true,
    meaning: "There is no space left where this must be stored.",
    todo: "Free space, then try again.",
  },
  INTERNAL: { retryable: true, meaning: "A fault in frontsync itself.", todo: "Report it with the log lines around it." },
  LOGIN_FAILED: {
    retryable: false,
    meaning: "The user or the password is wrong.",
    todo: "Try again; after some failures the user is locked for a while.",
  },
  USER_LOCKED: {
    retryable: false,
    meaning: "The user is locked: by an admin, or for a while by failed logins.",
    todo: "Wait, or ask an administrator.",
  },
  USER_NAME_TAKEN: { retryable: false, meaning: "Another user has this name.", todo: "Choose another name." },
  DEFAULT_ADMIN: {
    retryable: false,
    meaning: "The user with uid 1 can't be deleted, locked, or made a plain user.",
    todo: "Leave it; change its password.",
  },
  ID_ALLOCATED: {
    retryable: false,
    meaning: "The datastore gives the ids of this collection; a new document can't bring its own.",
    todo: "Leave the field at `path` out.",
  },
  UNKNOWN_USER: { retryable: false, meaning: "There is no user with this uid.", todo: "Check the uid." },
  UNKNOWN_GROUP: { retryable: false, meaning: "There is no group with this gid.", todo: "Check the gid." },
  GLOBAL_NEEDS_ADMIN: {
    retryable: false,
    meaning: "Only an admin may share a document with everyone.",
    todo: "Share it with users or groups, or ask an administrator.",
  },
  BACKUP_DAMAGED: {
    retryable: false,
    meaning: "A backup, or a webserver's snapshot, is not whole or not what was written; nothing was restored from it.",
    todo: "Use another backup, or the folder of another webserver.",
  },
  NOT_LOGGED_IN: {
    retryable: false,
    meaning: "A request to a webserver has no session, or one that is over.",
    todo: "Log in, and send the token again as a cookie or as `Authorization: Bearer`.",
  },
  CROSS_SITE: {
    retryable: false,
    meaning: "A page of another site asked for a change in the name of whoever is logged in; nothing was done.",
    todo: "Ask from the webserver's own pages, or from a program without an Origin.",
  },
  TOO_MANY_REQUESTS: {
    retryable: true,
    meaning: "More requests of this kind came from one address, or from one user, than a webserver takes.",
    todo: "Wait as long as the header Retry-After says, or end what is open.",
  },
  METHOD_NOT_ALLOWED: {
    retryable: false,
    meaning: "A webserver has this path, but not for this method.",
    todo: "Use one that the header Allow names.",
  },
  WEBSERVER_BUSY: {
    retryable: true,
    meaning: "This webserver serves as many as it can.",
    todo: "Wait as long as the header Retry-After says, or ask another webserver.",
  },
  WEBSERVER_UNREACHABLE: {
    retryable: true,
    meaning: "What was asked for is on another webserver, which does not answer.",
    todo: "Try again when the webserver that the message names is back; its results stay on its disk.",
  },
  RANGE_NOT_SATISFIABLE: {
    retryable: false,
    meaning: "The range of bytes that was asked for is not in the content.",
    todo: "Ask for bytes below its size.",
  },
  RESTORING: {
    retryable: true,
    meaning: "A restore is under way, or was interrupted: nobody logs in, and nothing else is written, until it has ended.",
    todo: "Wait. If it was interrupted, run the same `frontsync restore` again, or give it up with `frontsync restore --abort`.",
  },
  DELETION_DISCARDED: {
    retryable: false,
    meaning: "The deletion fuse held this deletion, and an admin has discarded it: the document stays.",
    todo: "Delete it again if it is meant.",
  },
  NO_WEBSERVER: {
    retryable: true,
    meaning: "The load balancer reaches no webserver that could answer.",
    todo: "Try again in a moment; the balancer's status says of each webserver why it gets no requests.",
  },
  LOOP_DETECTED: {
    retryable: false,
    meaning: "A request came back to a load balancer that had sent it on, or went through too many of them.",
    todo: "Correct the addresses: a webserver's External-Addr must not be that of a load balancer, nor a proxy's target that of itself.",
  },
} as const satisfies Record<string, { retryable: boolean; meaning: string; todo: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** A version of a document, as an error tells it. */
export interface ToldVersion {
  op: "put" | "delete";
  id: string;
  revision: number;
  /** undefined: it is deleted, or must not be told. */
  doc: unknown;
  /** uid; 0 is the system. */
  by: number;
  at: string;
}

/** What an error may carry beside its text. */
export interface ErrorDetails {
  /** JSON pointer of the fault in what was sent. */
  path?: string | undefined;
  /** TOO_LARGE: the limit, in bytes or items as the message says. */
  limit?: number | undefined;
  /** REVISION_CONFLICT: the version that is there. */
  current?: (Omit<ToldVersion, "doc"> & { doc?: unknown }) | undefined;
  /** The mutation that this is about: give it to the next try of the same write. */
  mutationId?: string | undefined;
  cause?: unknown;
}

/** The only class that frontsync throws. `message` says what happened, to what, and what to do. */
export class FrontsyncError extends Error {
  override readonly name = "FrontsyncError";
  readonly code: ErrorCode;
  declare readonly path?: string;
  declare readonly limit?: number;
  declare readonly current?: ToldVersion;
  declare readonly mutationId?: string;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    if (details.path !== undefined) this.path = details.path;
    if (details.limit !== undefined) this.limit = details.limit;
    if (details.current !== undefined) this.current = { ...details.current, doc: details.current.doc };
    if (details.mutationId !== undefined) this.mutationId = details.mutationId;
  }

  /** The same call with the same mutation id may succeed. */
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

/** Any thrown value as a FrontsyncError; what is not one becomes INTERNAL and keeps its cause. */
export function asFrontsyncError(error: unknown): FrontsyncError {
  if (error instanceof FrontsyncError) return error;
  return new FrontsyncError("INTERNAL", error instanceof Error ? error.message : String(error), { cause: error });
}
