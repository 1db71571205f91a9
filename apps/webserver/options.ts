/** What a webserver is started with, and what is taken where nothing is said. */
import { readFileSync } from "node:fs";
import { type BusOptions, FrontsyncError } from "../../bus/index.ts";

export interface WebserverOptions extends Omit<BusOptions, "externalAddr"> {
  /** `host[:port]` where other webservers and the load balancer reach this one. */
  externalAddr: string;
  /** The address to listen on; default 127.0.0.1. */
  listen?: string;
  /** Default 8080, with a certificate 8443; 0: a free one. */
  port?: number;
  /** PEM files of the key and the certificate, both or none: with them it speaks HTTPS alone. */
  keyFile?: string;
  certificateFile?: string;
  /** Addresses or networks of the proxies in front, whose X-Forwarded-* headers are believed; default none. */
  trustedProxies?: readonly string[];
  /** How long a login lasts, minutes, 1 to 525600; default 60. The same on all webservers. */
  sessionTimeoutMinutes?: number;
  /** So many failed logins in a row, 1 to 1000, lock a user; default 5. */
  loginFailLockCount?: number;
  /** … for so many minutes, 1 to 525600; default 5. */
  loginFailLockDurationMinutes?: number;
  /** Logins and changes of passwords that one address may try in a minute, 1 to 100000; default 60. */
  loginsPerMinute?: number;
  /** The largest content of a resource that is taken, bytes; default 536870912. The datastore has a limit, too. */
  resourceMaxSize?: number;
  /** The folder of log files that searches read; the same on all webservers. Without it this one does not search. */
  logs?: string;
  /** Of one result, bytes; default 1 GiB. */
  resultMaxSize?: number;
  /** Of all results together, bytes; default 50 GiB. */
  resultsMaxSize?: number;
  /** Take any certificate of another webserver's when its results are fetched. */
  peersSkipTlsVerify?: boolean;
  /** Results that nobody saved are deleted after so many hours, 1 to 87600; default 24. */
  resultKeepHours?: number;
  /** Before it stops it says for so long that it should get no users, seconds, 0 to 3600; default 0. */
  drainSeconds?: number;
}

export type CheckedOptions = Required<
  Omit<WebserverOptions, keyof BusOptions | "keyFile" | "certificateFile" | "trustedProxies" | "externalAddr" | "logs">
> & {
  logs: string | undefined;
  bus: BusOptions & { externalAddr: string };
  trustedProxies: readonly string[];
  tls: { key: Buffer; cert: Buffer } | undefined;
};

/** Name, smallest, largest, and what is taken where nothing is said. */
const NUMBERS = [
  ["sessionTimeoutMinutes", 1, 525_600, 60],
  ["loginFailLockCount", 1, 1000, 5],
  ["loginFailLockDurationMinutes", 1, 525_600, 5],
  ["loginsPerMinute", 1, 100_000, 60],
  ["resourceMaxSize", 1, Number.MAX_SAFE_INTEGER, 536_870_912],
  ["resultMaxSize", 1, Number.MAX_SAFE_INTEGER, 1024 ** 3],
  ["resultsMaxSize", 1, Number.MAX_SAFE_INTEGER, 50 * 1024 ** 3],
  ["resultKeepHours", 1, 87_600, 24],
  ["drainSeconds", 0, 3600, 0],
] as const;
const PORTS = { plain: 8080, tls: 8443 };

/** Throws BAD_CONFIG that names the option. What the bus is given the bus checks. */
export function checkOptions(options: WebserverOptions): CheckedOptions {
  const {
    listen = "127.0.0.1",
    port,
    keyFile,
    certificateFile,
    trustedProxies = [],
    logs,
    peersSkipTlsVerify = false,
    ...rest
  } = options;
  if (typeof options.externalAddr !== "string" || options.externalAddr === "")
    throw bad("`externalAddr` is missing: host[:port] where other webservers reach this one.");
  if (typeof listen !== "string" || listen === "") throw bad("`listen` must be an address to listen on.");
  const tls = readTls(keyFile, certificateFile);
  const numbers = Object.fromEntries(
    NUMBERS.map(([name, min, max, usual]) => [name, checkNumber(name, options[name] ?? usual, min, max)]),
  ) as Record<(typeof NUMBERS)[number][0], number>;
  const bus = Object.fromEntries(Object.entries(rest).filter(([name]) => !(name in numbers))) as unknown as CheckedOptions["bus"];
  return {
    ...numbers,
    listen,
    logs,
    peersSkipTlsVerify,
    port: checkNumber("port", port ?? (tls ? PORTS.tls : PORTS.plain), 0, 65_535),
    trustedProxies,
    tls,
    bus,
  };
}

function checkNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw bad(`\`${name}\` must be a whole number from ${min} to ${max}, not ${JSON.stringify(value)}.`);
}

function readTls(keyFile: string | undefined, certificateFile: string | undefined): CheckedOptions["tls"] {
  if (keyFile === undefined && certificateFile === undefined) return undefined;
  if (keyFile === undefined || certificateFile === undefined)
    throw bad(
      `\`${keyFile === undefined ? "keyFile" : "certificateFile"}\` is missing: HTTPS needs the key and the certificate.`,
    );
  return { key: readPem("keyFile", keyFile), cert: readPem("certificateFile", certificateFile) };
}

function readPem(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new FrontsyncError("BAD_CONFIG", `The file of \`${name}\` can't be read: ${(cause as Error).message}`, { cause });
  }
}

function bad(message: string): FrontsyncError {
  return new FrontsyncError("BAD_CONFIG", message);
}
