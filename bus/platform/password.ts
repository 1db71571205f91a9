/** Passwords: scrypt, in Node's thread pool, with its parameters beside the hash so that they can be raised. */
import { scrypt, timingSafeEqual } from "node:crypto";
import { availableParallelism } from "node:os";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { PasswordHash } from "../../schemas/types.ts";
import { clock } from "./clock.ts";
import { pause } from "./deadline.ts";
import { Limiter } from "./limiter.ts";
import { random } from "./random.ts";

/** One of the settings that OWASP's Password Storage Cheat Sheet names: 32 MiB for each hash that is being made. */
const NOW = { scheme: "scrypt", cost: 2 ** 15, block: 8, parallel: 3 } as const;
const BYTES = 32;
/** A refusal comes when a multiple of this has gone by, ms. */
const STEP_MS = 100;
/** A core stays free for the requests that are no logins. */
const limiter = new Limiter(Math.max(1, availableParallelism() - 1));

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = random.bytes(16);
  const hash = await derive(password, salt, NOW);
  return { ...NOW, salt: salt.toString("base64url"), hash: hash.toString("base64url") };
}

/** Whether it is the password. Without a hash it never is, and takes as long: nobody learns so whether a user exists. */
export async function verifyPassword(password: string, stored: PasswordHash | undefined): Promise<boolean> {
  const salt = stored ? Buffer.from(stored.salt, "base64url") : Buffer.alloc(16);
  const made = await derive(password, salt, stored ?? NOW);
  const wanted = stored ? Buffer.from(stored.hash, "base64url") : random.bytes(BYTES);
  return made.length === wanted.length && timingSafeEqual(made, wanted) && stored !== undefined;
}

/** Whether the hash was made with less than is asked for now. */
export function isOutdated({ cost, block, parallel }: PasswordHash): boolean {
  return cost < NOW.cost || block < NOW.block || parallel < NOW.parallel;
}

/** Refuses a login that began at `began` (clock.monotonic()). A failure of a known user is also written down: the time that this takes does not
 *  show. Throws LOGIN_FAILED. */
export async function refuseLogin(began: number): Promise<never> {
  const gone = clock.monotonic() - began;
  await pause(Math.ceil(gone / STEP_MS) * STEP_MS - gone);
  throw new FrontsyncError("LOGIN_FAILED", "The user or the password is wrong.");
}

type Parameters = Pick<PasswordHash, "cost" | "block" | "parallel">;

function derive(password: string, salt: Buffer, { cost, block, parallel }: Parameters): Promise<Buffer> {
  // What looks alike is the same password, however the keyboard made it.
  const normal = password.normalize("NFKC");
  const options = { N: cost, r: block, p: parallel, maxmem: 256 * cost * block };
  const one = () =>
    new Promise<Buffer>((resolve, reject) => {
      scrypt(normal, salt, BYTES, options, (error, hash) => (error ? reject(error) : resolve(hash)));
    });
  return limiter.run(one);
}
