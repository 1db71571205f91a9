/** A session as the user carries it: a JWT with the claims of `users.login`. */
import { errors, jwtVerify, SignJWT } from "jose";
import { clock, FrontsyncError, type SessionClaims } from "../../../bus/index.ts";
import type { SigningKeys } from "./keys.ts";

const ALGORITHM = "HS256";
const NAMES = { issuer: "frontsync", audience: "frontsync-webserver" };
/** Ours have some 300 characters. */
const MAX_TOKEN = 2048;

interface Payload extends Pick<SessionClaims, "webserver" | "sessionsFrom"> {
  jti: string;
  sub: string;
  iat: number;
  exp: number;
}

export class Tokens {
  readonly #keys: SigningKeys;
  /** Resolves when what is on its way to this replica has come: a key may be newer than what is held here. */
  readonly #fresh: () => Promise<void>;

  constructor(keys: SigningKeys, fresh: () => Promise<void>) {
    this.#keys = keys;
    this.#fresh = fresh;
  }

  async sign({ id, uid, issuedAt, expiresAt, webserver, sessionsFrom }: SessionClaims): Promise<string> {
    const { kid, secret } = await this.#keys.signer();
    // Of a login without contact: where it counts until it is confirmed.
    const offline = webserver === undefined ? {} : { webserver, sessionsFrom };
    return await new SignJWT(offline)
      .setProtectedHeader({ alg: ALGORITHM, kid, typ: "JWT" })
      .setIssuer(NAMES.issuer)
      .setAudience(NAMES.audience)
      .setJti(id)
      .setSubject(String(uid))
      .setIssuedAt(Date.parse(issuedAt) / 1000)
      .setExpirationTime(Date.parse(expiresAt) / 1000)
      .sign(secret);
  }

  /** The claims of a token that we signed and that has not expired. Whether the session still counts is another question.
   *  Throws NOT_LOGGED_IN. */
  async verify(token: string): Promise<SessionClaims> {
    if (token.length > MAX_TOKEN) throw refused("it is too long");
    try {
      const { payload } = await jwtVerify(token, async ({ kid }) => await this.#secret(kid), {
        ...NAMES,
        algorithms: [ALGORITHM],
        typ: "JWT",
        requiredClaims: ["jti", "sub", "iat", "exp"],
        currentDate: new Date(clock.now()),
      });
      const { jti, sub, iat, exp, webserver, sessionsFrom } = payload as unknown as Payload;
      return {
        ...{ id: jti, uid: Number(sub), issuedAt: isoTime(iat), expiresAt: isoTime(exp) },
        ...(webserver !== undefined && { webserver }),
        ...(sessionsFrom !== undefined && { sessionsFrom }),
      };
    } catch (error) {
      if (error instanceof errors.JOSEError)
        throw refused(error.code === "ERR_JWT_EXPIRED" ? "it has expired" : "it is not one of ours");
      throw error;
    }
  }

  async #secret(kid: unknown): Promise<Uint8Array> {
    if (typeof kid !== "string") throw refused("it names no key");
    const known = this.#keys.verifier(kid);
    if (known) return known;
    await this.#fresh();
    const secret = this.#keys.verifier(kid);
    if (secret) return secret;
    throw refused("it was signed with a key that counts no more");
  }
}

export function refused(why: string): FrontsyncError {
  return new FrontsyncError("NOT_LOGGED_IN", `The session does not count: ${why}. Log in again.`);
}

function isoTime(seconds: number): string {
  return new Date(Math.round(seconds * 1000)).toISOString();
}
