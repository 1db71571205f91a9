/** What of a request's headers goes on to a webserver, and of an answer's to the client. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { FrontsyncError } from "../../bus/index.ts";
import { listOf } from "../http/request.ts";

/** Of one connection, not of the request (RFC 9110, 7.6.1). */
const HOP_BY_HOP = [
  ...["connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"],
  ...["proxy-authenticate", "proxy-authorization", "http2-settings"],
];
/** Said by whoever is in front: believed of proxies that are trusted, and of nobody else. */
const FORWARDED =
  /^(x-forwarded-.*|forwarded|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip|x-original-.*|x-rewrite-url)$/;
const HOP = /\bfrontsync-[a-z0-9]+\b/g;
/** So many load balancers may stand behind each other. */
const MAX_HOPS = 4;

/** How many load balancers it came through; `id` is this one's. Throws LOOP_DETECTED. */
export function hopsOf({ headers }: IncomingMessage, id: string): number {
  const hops: readonly string[] = (headers.via ?? "").match(HOP) ?? [];
  if (hops.includes(id))
    throw new FrontsyncError("LOOP_DETECTED", "This request came back to the load balancer that had sent it on: it was ended.");
  if (hops.length >= MAX_HOPS)
    throw new FrontsyncError("LOOP_DETECTED", `This request came through ${hops.length} load balancers, and is not sent on.`);
  return hops.length;
}

/** Whoever sends a request. */
export interface From {
  /** The address of the socket. */
  address: string;
  /** Over TLS. */
  secure: boolean;
  /** It is a proxy that is trusted. */
  trusted: boolean;
}

/** The headers for the webserver. `upgrade`: a WebSocket begins with it. */
export function onward({ headers }: IncomingMessage, from: From, id: string, upgrade = false): IncomingHttpHeaders {
  const named = listOf(headers.connection);
  const out: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (HOP_BY_HOP.includes(name) || named.includes(name)) continue;
    // The client has been answered 100 Continue already.
    if (name === "expect" || (FORWARDED.test(name) && !from.trusted)) continue;
    out[name] = value;
  }
  const before = from.trusted ? textOf(headers["x-forwarded-for"]) : undefined;
  out["x-forwarded-for"] = before ? `${before}, ${from.address}` : from.address;
  out["x-forwarded-proto"] = (from.trusted && textOf(headers["x-forwarded-proto"])) || (from.secure ? "https" : "http");
  const host = (from.trusted && textOf(headers["x-forwarded-host"])) || headers.host;
  if (host) out["x-forwarded-host"] = host;
  out.via = headers.via ? `${headers.via}, 1.1 ${id}` : `1.1 ${id}`;
  if (headers["transfer-encoding"] !== undefined) out["transfer-encoding"] = "chunked";
  if (upgrade) Object.assign(out, { connection: "Upgrade", upgrade: "websocket" });
  return out;
}

/** The headers for the client. */
export function backward(headers: IncomingHttpHeaders): [string, string | string[]][] {
  const named = listOf(headers.connection);
  return Object.entries(headers).filter(
    (entry): entry is [string, string | string[]] =>
      entry[1] !== undefined && !HOP_BY_HOP.includes(entry[0]) && !named.includes(entry[0]),
  );
}

/** Whether it brings a body, also one that can't be sent twice. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(", ") : header;
}
