/** What a request must be before anybody looks at it. */
import type { IncomingMessage } from "node:http";
import { FrontsyncError } from "../../bus/index.ts";

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?)(?::\d{1,5})?$/;
/** A Connection that named one of these would change what the request is. */
const KEPT = ["host", "content-length", "transfer-encoding", "cookie", "authorization", "via"];
const REFUSED_METHODS = ["CONNECT", "TRACE"];

/** Refuses what nobody should have to understand. Throws BAD_MESSAGE. */
export function checkRequest({ method = "", url = "", rawHeaders, headers, httpVersion }: IncomingMessage): void {
  if (REFUSED_METHODS.includes(method)) throw bad(`${method} is not allowed.`);
  if (!url.startsWith("/")) throw bad("The target of the request must be a path.");
  if (count(rawHeaders, "host") > 1) throw bad("There is more than one Host.");
  if (headers.host === undefined && httpVersion !== "1.0") throw bad("There is no Host.");
  if (headers.host !== undefined && (!HOST.test(headers.host) || headers.host.length > 300))
    throw bad("The Host is no name of a machine.");
  if (listOf(headers.connection).some((name) => KEPT.includes(name)))
    throw bad("Its Connection names what belongs to the request.");
  // The parser takes only framings that can be read in one way; this one none of ours needs.
  const coding = headers["transfer-encoding"];
  if (coding !== undefined && (coding.toLowerCase() !== "chunked" || httpVersion === "1.0"))
    throw bad("Of transfer codings there is only chunked.");
}

/** The names in a header that is a list, in lower case. */
export function listOf(header: string | undefined): string[] {
  return (header ?? "").split(",").map((name) => name.trim().toLowerCase());
}

function count(rawHeaders: readonly string[], name: string): number {
  return rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === name).length;
}

function bad(message: string): FrontsyncError {
  return new FrontsyncError("BAD_MESSAGE", message);
}
