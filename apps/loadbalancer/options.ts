/** What a load balancer is started with, and what is taken where nothing is said. */
import type { BusOptions } from "../../bus/index.ts";
import { badOption, checkListening, checkNumber, type Listening, type ListenOptions } from "../http/options.ts";
import { type Address, parseExternal } from "./address.ts";
import type { RosterEvent } from "./roster.ts";
import type { UpstreamTls } from "./upstream-agent.ts";

export interface LoadbalancerOptions extends ListenOptions {
  /** The folder of its own copy of everything, and of the list of webservers. */
  dir: string;
  /** The datastore that knows the webservers; without it those of `fixed` are all. */
  bus?: Omit<BusOptions, "webserver" | "dir" | "externalAddr" | "resources">;
  /** Webservers that it knows by itself. */
  fixed?: readonly { name: string; webserver: string; tls?: UpstreamTls | false }[];
  /** How it speaks with webservers: over TLS (default, with the certificates that Node knows), or false: without. */
  upstreamTls?: UpstreamTls | false;
  /** `host:port` of its status, for whoever runs it; port 0: a free one. Default: none. */
  statusAddress?: string;
  /** Addresses or networks of the proxies in front, whose X-Forwarded-* headers are believed; default none. */
  trustedProxies?: readonly string[];
  /** How long a browser stays at its webserver, minutes, 1 to 525600; default 10. */
  sessionTimeoutMinutes?: number;
  /** Log each request. */
  accessLog?: boolean;
  /** Before it stops it says for so long that it should get no users, seconds, 0 to 3600; default 0. */
  drainSeconds?: number;
  /** Called when a webserver begins or ceases to get users. */
  onEvent?: (event: RosterEvent) => void;
}

export interface FixedWebserver {
  name: string;
  address: Address;
  tls: UpstreamTls | undefined;
}

export type CheckedOptions = Required<
  Pick<LoadbalancerOptions, "dir" | "sessionTimeoutMinutes" | "accessLog" | "drainSeconds" | "trustedProxies">
> &
  Listening & {
    bus: LoadbalancerOptions["bus"] | undefined;
    fixed: readonly FixedWebserver[];
    upstreamTls: UpstreamTls | undefined;
    status: { host: string; port: number } | undefined;
    onEvent: (event: RosterEvent) => void;
  };

/** Throws BAD_CONFIG that names the option. What the bus is given the bus checks. */
export function checkOptions(options: LoadbalancerOptions): CheckedOptions {
  const { dir, bus, trustedProxies = [] } = options;
  if (typeof dir !== "string" || dir === "") throw badOption("`dir` is missing: a folder for what it keeps.");
  const listening = checkListening(options);
  const upstreamTls = options.upstreamTls === false ? undefined : (options.upstreamTls ?? {});
  const fixed = (options.fixed ?? []).map((one) => checkFixed(one, upstreamTls));
  if (!bus && fixed.length === 0) throw badOption("There are no webservers: give `bus`, or some in `fixed`.");
  return {
    ...{ dir, bus, trustedProxies, fixed, upstreamTls },
    ...listening,
    status: options.statusAddress === undefined ? undefined : checkStatus(options.statusAddress),
    sessionTimeoutMinutes: checkNumber("sessionTimeoutMinutes", options.sessionTimeoutMinutes ?? 10, 1, 525_600),
    drainSeconds: checkNumber("drainSeconds", options.drainSeconds ?? 0, 0, 3600),
    accessLog: options.accessLog === true,
    onEvent: options.onEvent ?? (() => {}),
  };
}

function checkFixed(
  { name, webserver, tls }: NonNullable<LoadbalancerOptions["fixed"]>[number],
  upstreamTls: UpstreamTls | undefined,
): FixedWebserver {
  const own = tls === false ? undefined : (tls ?? upstreamTls);
  const address = parseExternal(webserver, own !== undefined);
  if (!address) throw badOption(`The webserver "${name}" must be host or host:port, not ${JSON.stringify(webserver)}.`);
  return { name, address, tls: own };
}

function checkStatus(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  if (!match) throw badOption(`\`statusAddress\` must be host:port, not ${JSON.stringify(text)}.`);
  return { host: (match[1] ?? match[2]) as string, port: checkNumber("statusAddress", Number(match[3]), 0, 65_535) };
}
