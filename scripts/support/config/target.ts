/** The datastore that a command asks. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { BusOptions } from "../../../bus/api.ts";
import { setLogLevel } from "../../../bus/platform/log.ts";
import { isLoopback } from "../../../bus/wire/address.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { configOf, type GivenFlags, secretsHelp, withConfig } from "./flags.ts";
import type { Settings } from "./index.ts";

/** Where a datastore is, the secret shared with it, and how its certificate is looked at: options of connectBus. */
export interface Target extends Pick<BusOptions, "tls"> {
  datastore: readonly string[];
  controlAuth: string;
}

/** Adds the flags that say where the datastore is: --datastore, --config, --control-auth-file and those of TLS. */
export function withTarget(command: Command): Command {
  return withConfig(command, "client").addHelpText("after", secretsHelp());
}

/** What the flags, the file of --config and the environment say. Throws BAD_CONFIG. */
export function targetOf(given: object): Target {
  const settings = configOf(given as GivenFlags, "client");
  setLogLevel(settings.logLevel);
  return datastoreOf(settings);
}

/** The folders with schemas of further collections: those of the command's --schemas, else of the file or the environment. Throws BAD_CONFIG. */
export function schemasOf(given: { schemas?: string[] }): readonly string[] {
  return given.schemas ?? configOf({ ...given }, "client").schemaFolder;
}

/** How the datastore of these settings is reached. Off loopback it must speak TLS, unless Datastore-Insecure-Disable-TLS says that it need not:
 *  else whoever is on the way could take its place. Throws BAD_CONFIG when Datastore-CA-File can't be read. */
export function datastoreOf(settings: Settings): Target {
  const {
    datastore,
    controlAuth,
    datastoreInsecureDisableTls,
    datastoreInsecureSkipTlsVerify: skipVerify,
    datastoreCaFile,
  } = settings;
  const target = { datastore, controlAuth };
  const away = datastore.some((address) => !isLoopback(address.slice(0, address.lastIndexOf(":"))));
  const asked = away || skipVerify || datastoreCaFile !== undefined;
  if (datastoreInsecureDisableTls || !asked) return target;
  return {
    ...target,
    tls: { ...(skipVerify && { skipVerify }), ...(datastoreCaFile !== undefined && { ca: certificates(datastoreCaFile) }) },
  };
}

function certificates(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new FrontsyncError("BAD_CONFIG", `Datastore-CA-File ${file} can't be read: ${(cause as Error).message}.`, { cause });
  }
}
