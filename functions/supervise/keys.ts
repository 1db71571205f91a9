/** The datastore's secrets, in a file of its folder that only its owner may read. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../../bus/platform/files.ts";
import { log } from "../../bus/platform/log.ts";
import { random } from "../../bus/platform/random.ts";
import { nkeys } from "../../bus/wire/nats.ts";
import { FrontsyncError } from "../../schemas/errors.ts";

/** In the datastore's folder: the store of the nats-server that it runs. */
export const STORE = "jetstream";

export interface Keys {
  /** Hex: signs versions, so that one which comes back from a webserver can be told to be ours. */
  signingKey: string;
  /** Of the account whose key signs who is let in. */
  issuerSeed: string;
  functionsPassword: string;
  authPassword: string;
}

/** Reads the keys of a folder, or makes them. Throws BAD_CONFIG when the file is there but is no file of keys: new ones would make every
 *  stored signature worthless. */
export function loadKeys(dir: string): Keys {
  const file = join(dir, "keys.json");
  if (existsSync(file)) {
    try {
      const keys = JSON.parse(readFileSync(file, "utf8")) as Keys;
      for (const name of ["signingKey", "issuerSeed", "functionsPassword", "authPassword"] as const) {
        if (typeof keys[name] !== "string" || keys[name] === "") throw new Error(`'${name}' is missing`);
      }
      return keys;
    } catch (cause) {
      throw new FrontsyncError(
        "BAD_CONFIG",
        `${file} can't be used: ${(cause as Error).message}. Put it back from a backup, or move it away to have new keys made.`,
      );
    }
  }
  if (existsSync(join(dir, STORE)))
    log.warn(
      { dir },
      "keys.json is not there, and new keys are made. The store goes on; but what was signed before can't be told from what others have made: if the store is ever lost, webservers fill it again only at an operator's word. Put keys.json back if you have it.",
    );
  const secret = () => random.bytes(32).toString("hex");
  const issuerSeed = Buffer.from(nkeys.createAccount().getSeed()).toString();
  const keys: Keys = { signingKey: secret(), issuerSeed, functionsPassword: secret(), authPassword: secret() };
  writeAtomically(file, `${JSON.stringify(keys, undefined, 2)}\n`);
  return keys;
}
