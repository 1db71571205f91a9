/** A session as the user carries it: a JWT with the claims of `users.login`. */
import { errors, jwtVerify, SignJWT } from "jose";
import { clock, FrontsyncError, type SessionClaims } from "../../../bus/index.ts";
import type { SigningKeys } from "./keys.ts";

const ALGORITHM = "HS256";
const ISSUER = "frontsync";
/** Whom a token is for: a session's is of no use between webservers, nor the other way round. */
const AUDIENCES = { session: "frontsync-webserver", peer: "frontsync-peer" };
/** Of a token between webservers, s: as long as their clocks may differ. */
const PEER_SECONDS = 60;
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
    return await this.#sign(AUDIENCES.session, {
      ...{ jti: id, sub: String(uid), iat: Date.parse(issuedAt) / 1000, exp: Date.parse(expiresAt) / 1000 },
      // Of a login without contact: where it counts until it is confirmed.
      ...(webserver !== undefined && { webserver }),
      ...(webserver !== undefined && sessionsFrom !== undefined && { sessionsFrom }),
    });
  }

  /** For another webserver: that a user asks for a result, through this one. */
  async signPeer(result: string, uid: number): Promise<string> {
    const iat = Math.floor(clock.now() / 1000);
    return await this.#sign(AUDIENCES.peer, { jti: result, sub: String(uid), iat, exp: iat + PEER_SECONDS });
  }

  async #sign(audience: string, payload: Payload): Promise<string> {
    const { kid, secret } = await this.#keys.signer();
    return await new SignJWT({ ...payload })
      .setProtectedHeader({ alg: ALGORITHM, kid, typ: "JWT" })
      .setIssuer(ISSUER)
      .setAudience(audience)
      .sign(secret);
  }

  /** The claims of a token that we signed and that has not expired. Whether the session still counts is another question.
   *  Throws NOT_LOGGED_IN. */
  async verify(token: string): Promise<SessionClaims> {
    const { jti, sub, iat, exp, webserver, sessionsFrom } = await this.#verify(AUDIENCES.session, token);
    return {
      ...{ id: jti, uid: Number(sub), issuedAt: isoTime(iat), expiresAt: isoTime(exp) },
      ...(webserver !== undefined && { webserver }),
      ...(sessionsFrom !== undefined && { sessionsFrom }),
    };
  }

  /** The user for whom another webserver asks for a result. Throws NOT_LOGGED_IN. */
  async verifyPeer(token: string, result: string): Promise<number> {
    const { jti, sub } = await this.#verify(AUDIENCES.peer, token);
    if (jti !== result) throw refused("it is for another result");
    return Number(sub);
  }

  async #verify(audience: string, token: string): Promise<Payload> {
    if (token.length > MAX_TOKEN) throw refused("it is too long");
    try {
      const { payload } = await jwtVerify(token, async ({ kid }) => await this.#secret(kid), {
        ...{ issuer: ISSUER, audience },
        algorithms: [ALGORITHM],
        typ: "JWT",
        requiredClaims: ["jti", "sub", "iat", "exp"],
        currentDate: new Date(clock.now()),
      });
      return payload as unknown as Payload;
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
