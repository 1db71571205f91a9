/** The load balancer of the demo. */
import {
  type Loadbalancer,
  type LoadbalancerOptions,
  type RosterEvent,
  startLoadbalancer,
} from "../../../apps/loadbalancer/index.ts";
import { deferred, within } from "../../../bus/platform/deadline.ts";

const FOUND_MS = 60_000;
/** It hears of a new webserver at its next check-in. */
const UPDATE_INTERVAL_S = 0.5;

export interface BalanceOptions extends Pick<LoadbalancerOptions, "dir" | "port"> {
  bus: NonNullable<LoadbalancerOptions["bus"]>;
  /** So many webservers are being started. */
  webservers: number;
  signal: AbortSignal;
}

/** Resolves when all of the webservers get users. Throws what startLoadbalancer throws, and TIMEOUT; then it is closed again. */
export async function openBalancer({ dir, port = 0, bus, webservers, signal }: BalanceOptions): Promise<Loadbalancer> {
  const fit = new Set<string>();
  const all = deferred<void>();
  const onEvent = ({ event, webserver }: RosterEvent) => {
    if (event === "joined" && fit.add(webserver).size === webservers) all.resolve();
  };
  const about = { ...bus, updateInterval: UPDATE_INTERVAL_S };
  const balancer = await startLoadbalancer({ dir, port, upstreamTls: false, bus: about, onEvent });
  try {
    await within(all.promise, "The load balancer's way to all webservers", { timeoutMs: FOUND_MS, signal });
    return balancer;
  } catch (error) {
    await balancer.close();
    throw error;
  }
}
