/** Users whose password is known, put into the store past the functions: a hash of the test's choice. */
import { scryptSync } from "node:crypto";
import { bodyHash } from "../../bus/wire/envelope.ts";
import { readSubject, storeOne } from "../../bus/wire/stream.ts";
import { storeSubject } from "../../bus/wire/subjects.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { PasswordHash, User } from "../../schemas/types.ts";
import { connectFunctions, type Place } from "./faults-ledger.ts";
import { eventually } from "./nats-server-kit.ts";

/** Takes no time; below what is asked for now. */
export const QUICK = { cost: 16, block: 1, parallel: 1 };
/** Takes a second or so; also below what is asked for now. */
export const SLOW = { cost: 2 ** 14, block: 8, parallel: 24 };

export function hashed(password: string, { cost, block, parallel }: typeof QUICK): PasswordHash {
  const salt = Buffer.from("salt of the test");
  const hash = scryptSync(password, salt, 32, { N: cost, r: block, p: parallel, maxmem: 2 ** 28 });
  return { scheme: "scrypt", cost, block, parallel, salt: salt.toString("base64url"), hash: hash.toString("base64url") };
}

let planted = 0;

/** Sets fields of a stored user, also those that the functions keep to themselves. Its revision. */
export async function plant(deployment: Place, uid: number, fields: Partial<User>): Promise<number> {
  // A store that stood still for too long is asked again: then the fields are set twice, to the same.
  return await eventually("it is planted", 60_000, () =>
    plantOnce(deployment, uid, fields).catch((error: unknown) => {
      if (error instanceof FrontsyncError && error.retryable) return undefined;
      throw error;
    }),
  );
}

async function plantOnce(deployment: Place, uid: number, fields: Partial<User>): Promise<number> {
  const connection = await connectFunctions(deployment);
  try {
    const subject = storeSubject("users", String(uid));
    const stored = await readSubject(connection, subject);
    if (!stored?.envelope) throw new Error(`there is no user ${uid}`);
    const body = Buffer.from(JSON.stringify({ ...(JSON.parse(Buffer.from(stored.body).toString()) as User), ...fields }));
    const envelope = { ...stored.envelope, version: `planted:${++planted}`, sha256: bodyHash(body) };
    const write = { subject, expected: stored.revision, guard: undefined, deleted: false, envelope, body, rollup: true };
    const revision = await storeOne(connection, write);
    if (typeof revision !== "number") throw new Error(`it was not planted: ${revision}`);
    return revision;
  } finally {
    await connection.close();
  }
}
