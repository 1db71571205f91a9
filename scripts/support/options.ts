/** The flags that several commands share, and how their values are read. */
import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { parseAddress } from "../../bus/wire/address.ts";
import { FrontsyncError } from "../../schemas/errors.ts";

const MAX_SECRET_BYTES = 4096;

/** --nats host:port. */
export function natsOption(): Option {
  return new Option("--nats <host:port>", "use this running NATS instead of an embedded nats-server").argParser((value) => {
    if (!/:\d+$/.test(value)) throw new InvalidArgumentError("Give host:port.");
    return address(value);
  });
}

/** --control-auth-file FILE. A secret is never a flag itself: everybody on the machine sees those. */
export function withControlAuth(command: Command): Command {
  return command
    .option("--control-auth-file <file>", "a file that holds the secret shared with the datastore")
    .addHelpText("after", "\nThe environment variable FRONTSYNC_CONTROL_AUTH holds the shared secret where no file is given.");
}

/** --json. */
export function jsonOption(): Option {
  return new Option("--json", "print JSON lines for programs on stdout");
}

/** The shared secret: the file's (without its last line end), else FRONTSYNC_CONTROL_AUTH, else undefined. Throws BAD_CONFIG. */
export function readControlAuth(file: string | undefined, env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (file === undefined) return env.FRONTSYNC_CONTROL_AUTH || undefined;
  let secret: string;
  try {
    secret = readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new FrontsyncError("BAD_CONFIG", `The file of --control-auth-file can't be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (secret === "" || Buffer.byteLength(secret) > MAX_SECRET_BYTES) {
    throw new FrontsyncError(
      "BAD_CONFIG",
      `The file ${file} must hold a secret of 1 to ${MAX_SECRET_BYTES} bytes, and nothing else.`,
    );
  }
  return secret;
}

/** An integer from `min` to `max`, for Option.argParser. */
export function integer(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
  };
}

/** host or host:port as host:port, IPv6 addresses in brackets. */
export function address(value: string): string {
  try {
    return parseAddress(value);
  } catch {
    throw new InvalidArgumentError("Give host or host:port.");
  }
}
