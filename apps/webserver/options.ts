/** What a webserver is started with, and what is taken where nothing is said. */
import type { BusOptions } from "../../bus/index.ts";
import { badOption, checkListening, checkNumber, type Listening, type ListenOptions } from "../http/options.ts";

export interface WebserverOptions extends Omit<BusOptions, "externalAddr">, ListenOptions {
  /** `host[:port]` where other webservers and the load balancer reach this one. */
  externalAddr: string;
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

export type CheckedOptions = Required<Omit<WebserverOptions, keyof BusOptions | keyof ListenOptions | "externalAddr" | "logs">> &
  Listening & {
    logs: string | undefined;
    bus: BusOptions & { externalAddr: string };
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

/** Throws BAD_CONFIG that names the option. What the bus is given the bus checks. */
export function checkOptions(options: WebserverOptions): CheckedOptions {
  const {
    trustedProxies = [],
    logs,
    peersSkipTlsVerify = false,
    keyFile: _key,
    certificateFile: _certificate,
    ...rest
  } = options;
  if (typeof options.externalAddr !== "string" || options.externalAddr === "")
    throw badOption("`externalAddr` is missing: host[:port] where other webservers reach this one.");
  const listening = checkListening(options);
  const numbers = Object.fromEntries(
    NUMBERS.map(([name, min, max, usual]) => [name, checkNumber(name, options[name] ?? usual, min, max)]),
  ) as Record<(typeof NUMBERS)[number][0], number>;
  const own = { ...numbers, ...listening };
  const bus = Object.fromEntries(Object.entries(rest).filter(([name]) => !(name in own))) as unknown as CheckedOptions["bus"];
  return {
    ...own,
    logs,
    peersSkipTlsVerify,
    trustedProxies,
    bus,
  };
}
