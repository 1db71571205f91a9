/** An HTTP or HTTPS server with the limits of what a client may do, from its first connection to its end. */
import { once } from "node:events";
import http, { type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { clock, FrontsyncError } from "../../bus/index.ts";
import { isCrooked } from "./answers.ts";
import { answerNoRequest } from "./errors.ts";
import { HEADERS_MS, IDLE_MS, KEEP_ALIVE_MS, LAST_ANSWERS_MS, LOOK_MS, MAX_CONNECTIONS, MAX_HEADERS } from "./limits.ts";
import { secureServer, type TlsFiles } from "./tls.ts";

const CLOSING_LOOK_MS = 50;
const LOCALHOST = "127.0.0.1";
/** How this machine itself reaches what listens on all interfaces. */
const HERE: Readonly<Record<string, string>> = { "0.0.0.0": LOCALHOST, "::": "::1" };

/** A server that does not listen yet; HTTPS with `files`. Who answers requests, and what is none, adds the listeners. Throws BAD_CONFIG. */
export function limitedServer(files: TlsFiles | undefined, more: ServerOptions = {}): Server {
  const options: ServerOptions = {
    maxHeaderSize: MAX_HEADERS,
    headersTimeout: HEADERS_MS,
    // Uploads are long; a client that sends nothing is cut sooner.
    requestTimeout: 0,
    connectionsCheckingInterval: LOOK_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    ...more,
  };
  const server = files ? secureServer(options, files) : http.createServer(options);
  server.maxConnections = MAX_CONNECTIONS;
  server.timeout = IDLE_MS;
  return server;
}

export interface Serving {
  serve(request: IncomingMessage, response: ServerResponse): void;
  /** Without it there are no upgrades. */
  upgrade?(request: IncomingMessage, socket: Socket, head: Buffer): void;
}

/** The answers of each server that are under way. */
const underway = new WeakMap<Server, Set<ServerResponse>>();

/** A server, not listening yet, whose requests are answered by plain functions. Throws BAD_CONFIG. */
export function createServer({ serve, upgrade }: Serving, files?: TlsFiles): Server {
  const server = limitedServer(files, { requireHostHeader: false });
  underway.set(server, new Set());
  server.on("clientError", answerNoRequest);
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (isCrooked(request.socket)) return;
    limitIdle(request, response);
    const answers = underway.get(server);
    answers?.add(response);
    response.once("close", () => answers?.delete(response));
    serve(request, response);
  });
  if (upgrade)
    server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      if (isCrooked(socket)) socket.destroySoon();
      else upgrade(request, socket, head);
    });
  return server;
}

/** A client that sends nothing, or takes nothing, while it is its turn, is cut; while it is the server's, it waits. */
function limitIdle(request: IncomingMessage, response: ServerResponse): void {
  response.on("timeout", (socket: Socket) => {
    if (request.complete && response.writableLength === 0 && socket.writableLength === 0) socket.setTimeout(IDLE_MS);
    else socket.destroy();
  });
}

/** Listens; gives the URL. `localhost` is 127.0.0.1, whatever a machine says of it. `start`: how; default: as the server itself does. Throws
 *  BAD_CONFIG. */
export async function listen(
  server: Server,
  host: string,
  port: number,
  what: string,
  start: (at: { host: string; port: number }) => Promise<unknown> = (at) => once(server.listen(at), "listening"),
): Promise<string> {
  try {
    await start({ host: host === "localhost" ? LOCALHOST : host, port });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const todo =
      code === "EADDRINUSE"
        ? "Stop what listens there, or take another port."
        : "Give an address of this machine, and a port that this user may have.";
    throw new FrontsyncError("BAD_CONFIG", `${what} can't listen on ${host}, port ${port}: ${message}. ${todo}`, { cause });
  }
  const name = HERE[host] ?? host;
  return `${server instanceof https.Server ? "https" : "http"}://${name.includes(":") ? `[${name}]` : name}:${portOf(server)}`;
}

/** Of a server that listens. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Takes no more connections, and waits for the answers that are under way, 10 s at most. Of servers that createServer has made. */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const end = clock.monotonic() + LAST_ANSWERS_MS;
  // A connection on which nothing is under way is of no use, whether or not there was ever a request on it.
  const look = setInterval(() => {
    if (underway.get(server)?.size === 0 || clock.monotonic() > end) server.closeAllConnections();
  }, CLOSING_LOOK_MS);
  await closed;
  clearInterval(look);
}
