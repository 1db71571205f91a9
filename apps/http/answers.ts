/** Refusals of a server whose requests are answered by plain functions. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { asFrontsyncError, type FrontsyncError, log } from "../../bus/index.ts";
import { LINGER_MS, RETRY_AFTER_S, STATUS } from "./errors.ts";

/** Connections on which something came that is no request of ours: who knows what the rest of it is. */
const crooked = new WeakSet<Duplex>();

/** Nothing more that comes on it is a request. */
export function isCrooked(socket: Duplex): boolean {
  return crooked.has(socket);
}

/** JSON for programs, a line to read for browsers. An answer that has begun is cut. */
export function refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, headers, body } = answerOf(thrown, request.headers.accept);
  if (status === STATUS.BAD_MESSAGE) {
    crooked.add(request.socket);
    response.setHeader("connection", "close");
  }
  response.writeHead(status, headers).end(request.method === "HEAD" ? undefined : body);
  if (request.complete) return;
  request.resume();
  const cut = setTimeout(() => request.complete || request.socket.destroy(), LINGER_MS);
  request.once("close", () => clearTimeout(cut));
}

/** The same for whoever wanted a WebSocket. */
export function refuseUpgrade({ headers: { accept } }: IncomingMessage, socket: Duplex, thrown: unknown): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, headers, body } = answerOf(thrown, accept);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\n${lines.join("")}\r\n${body}`);
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

function answerOf(thrown: unknown, accept: string | undefined): Answer {
  const error = asFrontsyncError(thrown);
  if (error.code === "INTERNAL") log.error({ err: thrown }, "a request failed");
  const status = STATUS[error.code];
  const html = accept?.includes("text/html") === true;
  const body = html ? page(error, status) : JSON.stringify({ code: error.code, message: textOf(error) });
  const headers = {
    "content-type": `${html ? "text/html" : "application/json"}; charset=utf-8`,
    "content-length": String(Buffer.byteLength(body)),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    ...(status === 503 && { "retry-after": String(RETRY_AFTER_S) }),
  };
  return { status, headers, body };
}

/** Nobody outside needs to know what a fault of ours says. */
function textOf({ code, message }: FrontsyncError): string {
  return code === "INTERNAL" ? "A fault in this server: see its log." : message;
}

function page(error: FrontsyncError, status: number): string {
  const text = textOf(error).replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
  const again = status === 503 ? '<meta http-equiv="refresh" content="5">' : "";
  const lang = '<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">';
  return `<!doctype html>${lang}${again}<title>${STATUS_CODES[status]}</title><h1>${STATUS_CODES[status]}</h1><p>${text}</p><p>${error.code}</p></html>\n`;
}
