/** Lets webservers in: nats-server asks this for every connection that is not ours (its "auth callout"), so webservers come and go
 *  without a change of its configuration. Whoever knows Control-Auth is let into the webservers' account, bound to one name: it may
 *  publish only requests that end in that name, and read only its own inbox and the live changes. */
import { createHash, timingSafeEqual } from "node:crypto";
import { type AuthorizationRequest, decode, encodeAuthorizationResponse, encodeUser } from "@nats-io/jwt";
import { log } from "../../bus/platform/log.ts";
import { type Connection, type Msg, nkeys } from "../../bus/wire/nats.ts";
import { inboxPrefix, LIVE_ALL, requestSubject, WEBSERVER_ID } from "../../bus/wire/subjects.ts";

const SUBJECT = "$SYS.REQ.USER.AUTH";
const QUEUE = "auth";
const ACCOUNT = "WEB";
const MAX_SUBSCRIPTIONS = 1000;
const encoder = new TextEncoder();

export function serveAuth(connection: Connection, issuerSeed: string, controlAuth: string): void {
  const issuer = nkeys.fromSeed(encoder.encode(issuerSeed));
  connection.subscribe(
    SUBJECT,
    (message) => {
      void respond(message, issuer, controlAuth).catch((error: unknown) =>
        log.error({ err: error }, "a webserver could not be let in"),
      );
    },
    { queue: QUEUE },
  );
}

async function respond(message: Msg, issuer: ReturnType<typeof nkeys.fromSeed>, controlAuth: string): Promise<void> {
  const request = decode<AuthorizationRequest>(message.string()).nats;
  const { user_nkey: connectionKey = "", server_id: server } = request;
  const { user = "", pass = "" } = request.connect_opts ?? {};
  const refusal = refusalOf(user, pass, controlAuth);
  if (refusal) log.warn({ webserver: user.slice(0, 64) }, `a connection was refused: ${refusal}`);
  const outcome = refusal
    ? { error: refusal }
    : { jwt: await encodeUser(user, connectionKey, issuer, permissions(user), { aud: ACCOUNT }) };
  message.respond(await encodeAuthorizationResponse(connectionKey, server?.id ?? "", issuer, outcome, {}));
}

function refusalOf(user: string, pass: string, controlAuth: string): string | undefined {
  if (!WEBSERVER_ID.test(user)) return "the user is no webserver's id";
  return sameSecret(pass, controlAuth) ? undefined : "Control-Auth is another one";
}

function permissions(webserver: string) {
  return {
    pub: { allow: [requestSubject("*", "*", webserver)], deny: [] },
    sub: { allow: [`${inboxPrefix(webserver)}.>`, LIVE_ALL], deny: [] },
    subs: MAX_SUBSCRIPTIONS,
  };
}

/** Compares hashes: equal in time whatever was given. */
function sameSecret(given: string, wanted: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(wanted));
}
