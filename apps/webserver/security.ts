/** What every answer tells browsers, and which requests of theirs are refused. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { FrontsyncError } from "../../bus/index.ts";

const HEADERS = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};
const YEAR_S = 365 * 24 * 3600;
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/** A route may set its own of these headers: a page that it serves needs scripts. */
export function guard(app: FastifyInstance): void {
  app.addHook("onRequest", async (request, reply) => {
    harden(request, reply);
    if (!SAFE.has(request.method)) checkSameSite(request);
  });
}

/** Sets what is in every answer. */
export function harden({ protocol }: FastifyRequest, reply: FastifyReply): void {
  void reply.headers(HEADERS);
  if (protocol === "https") void reply.header("strict-transport-security", `max-age=${YEAR_S}`);
}

/** A browser says where a request comes from; a program that says nothing is no browser, and carries nobody else's cookies. Throws CROSS_SITE. */
function checkSameSite({ headers, host, protocol }: FastifyRequest): void {
  const site = headers["sec-fetch-site"];
  const { origin } = headers;
  const sameSite = site === undefined || site === "same-origin" || site === "none";
  const sameOrigin = origin === undefined || origin.toLowerCase() === `${protocol}://${host}`.toLowerCase();
  if (sameSite && sameOrigin) return;
  throw new FrontsyncError("CROSS_SITE", "A page of another site asked for this. Ask from the webserver's own pages.");
}
