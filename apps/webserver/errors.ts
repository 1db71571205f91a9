/** Every refusal as the API answers it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { asFrontsyncError, FrontsyncError, log } from "../../bus/index.ts";
import { errorBody, LINGER_MS, RETRY_AFTER_S, STATUS } from "../http/errors.ts";
import { notePaths } from "./paths.ts";

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
