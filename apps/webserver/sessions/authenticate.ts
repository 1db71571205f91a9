/** Who asks: from the token in the header or the cookie to the user, on every request anew, so that what ends a session ends it here at once. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Bus, clock, type Scope, type SessionClaims, sessionIsOver } from "../../../bus/index.ts";
import type { Parts } from "../parts.ts";
import { refused } from "./tokens.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** undefined on routes that need no login. */
    session: SessionClaims | undefined;
  }
  interface FastifyContextConfig {
    /** Nobody has to be logged in. */
    public?: true;
  }
}

/** The prefix makes browsers refuse such a cookie from anybody but this host, over HTTPS. */
const COOKIES = { plain: "frontsync", secure: "__Host-frontsync" };

/** Says whether a session still counts here, by what this replica holds. */
export function sessionsOf(bus: Bus, webserver: string): (claims: SessionClaims) => Promise<boolean> {
  return async (claims) => {
    const [user, known] = await Promise.all([
      bus.collection("users").get(String(claims.uid)),
      bus.collection("sessions").get(claims.id),
    ]);
    return !sessionIsOver(claims, user?.doc, known?.doc, clock.now(), webserver);
  };
}

/** Every route needs a session unless it says `public`. */
export function authenticate(app: FastifyInstance, { bus, tokens, options, fresh }: Parts): void {
  const counts = sessionsOf(bus, options.bus.webserver);
  app.decorateRequest("session", undefined);
  app.addHook("onRequest", async (request) => {
    if (request.routeOptions.config.public || request.is404) return;
    const token = tokenOf(request);
    if (token === undefined) throw refused("there is none");
    const claims = await tokens.verify(token);
    if (!(await counts(claims))) {
      // Whoever was made a moment ago may not be here yet, nor what confirms a session that began without contact.
      const known = await bus.collection("users").get(String(claims.uid));
      if (known && claims.webserver === undefined) throw refused("it is over");
      await fresh();
      if (!(await counts(claims))) throw refused("it is over");
    }
    request.session = claims;
  });
}

/** The session of a request. Throws NOT_LOGGED_IN on a route that is `public`. */
export function sessionOf({ session }: FastifyRequest): SessionClaims {
  if (!session) throw refused("there is none");
  return session;
}

/** What whoever asks may see and do. */
export function scopeOf(bus: Bus, request: FastifyRequest): Scope {
  return bus.asUser(sessionOf(request).uid);
}

/** By what the user may see of themselves now. */
export async function isAdmin(bus: Bus, request: FastifyRequest): Promise<boolean> {
  const user = await scopeOf(bus, request)
    .collection("users")
    .get(String(sessionOf(request).uid));
  return user?.doc.admin === true;
}

export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, token: string, expiresAt: string): void {
  void reply.setCookie(cookieOf(request), token, { ...attributesOf(request), expires: new Date(expiresAt) });
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply): void {
  void reply.clearCookie(cookieOf(request), attributesOf(request));
}

function tokenOf(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) return /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? "";
  return request.cookies[cookieOf(request)];
}

const cookieOf = ({ protocol }: FastifyRequest) => (protocol === "https" ? COOKIES.secure : COOKIES.plain);

const attributesOf = ({ protocol }: FastifyRequest) =>
  ({ path: "/", httpOnly: true, sameSite: "strict", secure: protocol === "https" }) as const;
