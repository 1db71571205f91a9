/** Every refusal as the API answers it: JSON with code, message and path, and the status that the table gives to its code. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { asFrontsyncError, type ErrorCode, FrontsyncError, log } from "../../bus/index.ts";
import { notePaths } from "./paths.ts";

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

const RETRY_AFTER_S = 2;
const LINGER_MS = 5000;

interface ErrorBody {
  code: ErrorCode;
  message: string;
  path?: string;
  limit?: number;
  /** REVISION_CONFLICT: the version that is there, as whoever asks may see it. */
  current?: FrontsyncError["current"];
}

function errorBody({ code, message, path, limit, current }: FrontsyncError): ErrorBody {
  return {
    ...{ code, message },
    ...(path !== undefined && { path }),
    ...(limit !== undefined && { limit }),
    ...(code === "REVISION_CONFLICT" && current && { current }),
  };
}

/** Answers errors that handlers and hooks throw, and requests for what is not there. Before any route is added: it notes them. */
export function answerErrors(app: FastifyInstance): void {
  const methodsOf = notePaths(app);
  app.setErrorHandler(async (error, request, reply) => await sendError(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const [path, methods] = [pathOf(request), methodsOf(request)];
    if (methods.length > 0) void reply.header("allow", methods.join(", "));
    const error =
      methods.length > 0
        ? new FrontsyncError("METHOD_NOT_ALLOWED", `${path} has no ${request.method}: it has ${methods.join(", ")}.`)
        : new FrontsyncError("NOT_FOUND", `There is no ${request.method} ${path}; /api/openapi.json has what there is.`);
    return sendError(error, request, reply);
  });
}

export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { error, status } = explained(thrown);
  if (status >= 500) {
    const level = error.code === "INTERNAL" ? "error" : "info";
    log[level]({ err: thrown, method: request.method, path: pathOf(request) }, "a request failed");
  }
  if (status === 503 && !reply.hasHeader("retry-after")) void reply.header("retry-after", RETRY_AFTER_S);
  if (error.code === "REVISION_CONFLICT" && error.current) void reply.header("etag", `"${error.current.revision}"`);
  if (status === 401) void reply.header("www-authenticate", "Bearer");
  if (!request.raw.complete) linger(request);
  return reply.code(status).type("application/json; charset=utf-8").send(errorBody(error));
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

/** What is still to come of a body that was refused is thrown away for a while, so that the client gets to read why. */
function linger({ raw }: FastifyRequest): void {
  raw.unpipe().resume();
  const cut = setTimeout(() => raw.complete || raw.socket.destroy(), LINGER_MS);
  raw.once("close", () => clearTimeout(cut));
}

function explained(thrown: unknown): { error: FrontsyncError; status: number } {
  if (thrown instanceof FrontsyncError) return { error: hidingFaults(thrown), status: STATUS[thrown.code] };
  // Of the framework itself: what was sent is no request that can be read.
  const status = (thrown as { statusCode?: unknown } | undefined)?.statusCode;
  if (typeof status === "number" && status >= 400 && status < 500) {
    const code = status === 413 ? "TOO_LARGE" : "BAD_MESSAGE";
    return { error: new FrontsyncError(code, (thrown as Error).message, { cause: thrown }), status };
  }
  if (status === 503) return { error: new FrontsyncError("CLOSED", "This webserver is stopping: ask another one."), status };
  return { error: hidingFaults(asFrontsyncError(thrown)), status: 500 };
}

/** Nobody outside needs to know what a fault of ours says. */
function hidingFaults(error: FrontsyncError): FrontsyncError {
  return error.code === "INTERNAL" ? new FrontsyncError("INTERNAL", "A fault in this webserver: see its log.") : error;
}

function pathOf({ url }: FastifyRequest): string {
  return (url.split("?", 1)[0] ?? "").slice(0, 200);
}
