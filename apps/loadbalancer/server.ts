/** Where users connect: HTTP or HTTPS, and the limits of what a client may do. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http, { type IncomingMessage, type Server, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { createSecureContext } from "node:tls";
import { clock, FrontsyncError } from "../../bus/index.ts";
import { answerNoRequest } from "../webserver/errors.ts";
import { HEADERS_MS, IDLE_MS } from "../webserver/slow.ts";
import { isCrooked } from "./answers.ts";

/** Of a request, bytes. */
const MAX_HEADERS = 16 * 1024;
const MAX_CONNECTIONS = 10_000;
/** How often Node looks for slow headers, ms. */
const LOOK_MS = 1000;
const CLOSING_LOOK_MS = 50;
const HANDSHAKE_MS = 10_000;
/** Longer than browsers keep a connection that they do not use, so that it is they who close it, ms. */
const KEEP_ALIVE_MS = 75_000;

export interface Serving {
  serve(request: IncomingMessage, response: ServerResponse): void;
  /** Without it there are no upgrades. */
  upgrade?(request: IncomingMessage, socket: Socket, head: Buffer): void;
}

export interface TlsFiles {
  keyFile: string;
  certificateFile: string;
}

/** The answers of each server that are under way. */
const underway = new WeakMap<Server, Set<ServerResponse>>();

/** A server that does not listen yet. Throws BAD_CONFIG for files that are no key and certificate. */
export function createServer({ serve, upgrade }: Serving, files?: TlsFiles): Server {
  const options: http.ServerOptions = {
    maxHeaderSize: MAX_HEADERS,
    headersTimeout: HEADERS_MS,
    // Uploads are long; a client that sends nothing is cut sooner.
    requestTimeout: 0,
    connectionsCheckingInterval: LOOK_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requireHostHeader: false,
  };
  const server = files
    ? https.createServer({ ...options, ...readTls(files), minVersion: "TLSv1.2", handshakeTimeout: HANDSHAKE_MS })
    : http.createServer(options);
  underway.set(server, new Set());
  server.maxConnections = MAX_CONNECTIONS;
  server.timeout = IDLE_MS;
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

/** A client that sends nothing, or takes nothing, while it is its turn, is cut; while it is the webserver's, it waits. */
function limitIdle(request: IncomingMessage, response: ServerResponse): void {
  response.on("timeout", (socket: Socket) => {
    if (request.complete && response.writableLength === 0 && socket.writableLength === 0) socket.setTimeout(IDLE_MS);
    else socket.destroy();
  });
}

/** Takes a renewed certificate; connections that are there stay. Throws BAD_CONFIG, and what was there before stays. */
export function renewTls(server: Server, files: TlsFiles): void {
  (server as https.Server).setSecureContext(readTls(files));
}

/** The port that it listens on. Throws BAD_CONFIG. */
export async function listen(server: Server, host: string, port: number, what: string): Promise<number> {
  try {
    server.listen({ host, port });
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const todo =
      code === "EADDRINUSE"
        ? "Stop what listens there, or take another port."
        : "Give an address of this machine, and a port that this user may have.";
    throw new FrontsyncError("BAD_CONFIG", `${what} can't listen on ${host}, port ${port}: ${message}. ${todo}`, { cause });
  }
}

/** Takes no more connections, and waits so long for the answers that are under way. */
export async function closeServer(server: Server, waitMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const end = clock.monotonic() + waitMs;
  // A connection on which nothing is under way is of no use, whether or not there was ever a request on it.
  const look = setInterval(() => {
    if (underway.get(server)?.size === 0 || clock.monotonic() > end) server.closeAllConnections();
  }, CLOSING_LOOK_MS);
  await closed;
  clearInterval(look);
}

function readTls({ keyFile, certificateFile }: TlsFiles): { key: Buffer; cert: Buffer } {
  try {
    const tls = { key: readFileSync(keyFile), cert: readFileSync(certificateFile) };
    createSecureContext(tls);
    return tls;
  } catch (cause) {
    const what = `\`keyFile\` and \`certificateFile\` must be PEM files that belong together`;
    throw new FrontsyncError("BAD_CONFIG", `${what}: ${(cause as Error).message}`, { cause });
  }
}
