/** Login and logout. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { FrontsyncError } from "../../../bus/index.ts";
import { describe, messageSchema, reference } from "../openapi.ts";
import type { Area } from "../parts.ts";
import { clearSessionCookie, sessionOf, setSessionCookie } from "../sessions/authenticate.ts";

const TAG = "login";
const PATH = "/api/login";

export const loginRoutes: Area = (app, { bus, schemas, options, tokens }) => {
  const settings = {
    sessionSeconds: options.sessionTimeoutMinutes * 60,
    lockAfter: options.loginFailLockCount,
    lockSeconds: options.loginFailLockDurationMinutes * 60,
  };
  app.post(
    PATH,
    {
      config: { public: true, rateLimit: { groupId: "passwords" } },
      bodyLimit: 16_384,
      schema: describe(TAG, "login", "Begins a session. 422: the user or the password is wrong; 423: the user is locked.", {
        body: messageSchema(schemas, "login.request"),
        reply: reference("Login"),
      }),
    },
    async (request, reply) => {
      const { User: user, Pass: password } = schemas.read("login.request", JSON.stringify(request.body ?? null));
      const { session, ...login } = await bus.call("users.login", { user, password, ...settings });
      const token = await tokens.sign(session);
      setSessionCookie(request, reply, token, session.expiresAt);
      const { uid, user: name, admin, defaultPassword } = login;
      return { LoginStatus: true, JWT: token, uid, user: name, admin, expiresAt: session.expiresAt, defaultPassword };
    },
  );

  const logout = async (request: FastifyRequest, reply: FastifyReply, which: { session: string; expiresAt: string } | object) => {
    const { uid } = sessionOf(request);
    const { revision } = await bus.call("users.logout", { uid, ...which }, { by: uid });
    // Without contact it waits, and is seen here at once.
    void reply.code(revision === null ? 202 : 200);
    clearSessionCookie(request, reply);
    return { id: String(uid), revision };
  };
  app.put(
    "/api/logout",
    { schema: describe(TAG, "logout", "Ends this session, on every webserver.", { reply: reference("Written") }) },
    async (request, reply) => {
      const { id: session, expiresAt } = sessionOf(request);
      return await logout(request, reply, { session, expiresAt });
    },
  );
  app.delete(
    "/api/logout",
    { schema: describe(TAG, "logoutEverywhere", "Ends all sessions of whoever asks.", { reply: reference("Written") }) },
    async (request, reply) => await logout(request, reply, {}),
  );
};

/** For the rate limiter: what is thrown when an address has tried too often. */
export function tooMany(_request: FastifyRequest, { after }: { after: string }): FrontsyncError {
  return new FrontsyncError("TOO_MANY_REQUESTS", `Too many tries from this address: try again in ${after}.`);
}
