/** How a refusal is answered: JSON with code, message and path, and the status that the table gives to its code. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type ErrorCode, FrontsyncError } from "../../bus/index.ts";

export const STATUS: Readonly<Record<ErrorCode, number>> = {
  BAD_CONFIG: 422,
  BAD_MESSAGE: 400,
  SCHEMA_INVALID: 400,
  UNKNOWN_COLLECTION: 404,
  UNKNOWN_CALL: 501,
  UNKNOWN_INDEX: 400,
  BAD_ID: 400,
  TOO_LARGE: 413,
  NOT_FOUND: 404,
  REVISION_CONFLICT: 409,
  NOT_ALLOWED: 403,
  DATASTORE_UNREACHABLE: 503,
  OUTCOME_UNKNOWN: 504,
  TIMEOUT: 504,
  HELD: 503,
  SEEDING: 503,
  GENERATION_CHANGED: 409,
  FUSE_OPEN: 503,
  AUTH_REFUSED: 503,
  DIR_IN_USE: 500,
  CLOSED: 503,
  CONTENT_MISSING: 404,
  CONTENT_MISMATCH: 422,
  DISK_FULL: 507,
  INTERNAL: 500,
  LOGIN_FAILED: 422,
  USER_LOCKED: 423,
  USER_NAME_TAKEN: 409,
  DEFAULT_ADMIN: 403,
  ID_ALLOCATED: 400,
  UNKNOWN_USER: 404,
  UNKNOWN_GROUP: 404,
  GLOBAL_NEEDS_ADMIN: 403,
  BACKUP_DAMAGED: 422,
  RESTORING: 503,
  DELETION_DISCARDED: 409,
  NOT_LOGGED_IN: 401,
  CROSS_SITE: 403,
  TOO_MANY_REQUESTS: 429,
  METHOD_NOT_ALLOWED: 405,
  WEBSERVER_BUSY: 503,
  WEBSERVER_UNREACHABLE: 502,
  RANGE_NOT_SATISFIABLE: 416,
  NO_WEBSERVER: 503,
  LOOP_DETECTED: 508,
};

/** When somebody who got 503 may come again, s. */
export const RETRY_AFTER_S = 2;
/** What is still to come of a body that nobody reads is thrown away for so long, so that the client gets to read why, ms. */
export const LINGER_MS = 5000;

interface ErrorBody {
  code: ErrorCode;
  message: string;
  path?: string;
  limit?: number;
  /** REVISION_CONFLICT: the version that is there, as whoever asks may see it. */
  current?: FrontsyncError["current"];
}

export function errorBody({ code, message, path, limit, current }: FrontsyncError): ErrorBody {
  return {
    ...{ code, message },
    ...(path !== undefined && { path }),
    ...(limit !== undefined && { limit }),
    ...(code === "REVISION_CONFLICT" && current && { current }),
  };
}

/** Of Node, for what is no request: there is nothing yet that could answer it but the socket. */
export function answerNoRequest(error: Error & { code?: string }, socket: Duplex): void {
  const status = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }[error.code ?? ""] ?? 400;
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const fault =
    status === 431
      ? new FrontsyncError("TOO_LARGE", "The headers of the request are too large.")
      : new FrontsyncError("BAD_MESSAGE", "This is no HTTP request, or it came too slowly.");
  const body = JSON.stringify(errorBody(fault));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Connection: close",
    "Content-Type: application/json; charset=utf-8",
    "X-Content-Type-Options: nosniff",
    `Content-Length: ${body.length}`,
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
