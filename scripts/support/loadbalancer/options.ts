/** What the settings say of a load balancer. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { LoadbalancerOptions } from "../../../apps/loadbalancer/index.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { Settings } from "../config/index.ts";
import { listeningOf } from "../config/listening.ts";
import { datastoreOf } from "../config/target.ts";

/** Throws BAD_CONFIG without what HTTPS needs, and for a file that can't be read. */
export function optionsOf(settings: Settings): LoadbalancerOptions {
  const upstreamTls = upstreamTlsOf(settings);
  return {
    dir: resolve(settings.loadbalancerDir),
    ...(!settings.disableDatastore && { bus: { ...datastoreOf(settings), updateInterval: settings.datastoreUpdateInterval } }),
    fixed: settings.overrides.map(({ name, webserver, insecureDisableHttps: plain, insecureSkipTlsVerify: skipVerify }) => {
      const tls = plain || upstreamTls === false ? (false as const) : { ...upstreamTls, ...(skipVerify && { skipVerify }) };
      return { name, webserver, tls };
    }),
    upstreamTls,
    ...listeningOf(settings),
    statusAddress: settings.loadbalancerStatusAddress,
    trustedProxies: settings.trustedProxies,
    sessionTimeoutMinutes: settings.balancerSessionTimeout,
    accessLog: settings.enableAccessLog,
    drainSeconds: settings.drainSeconds,
  };
}

function upstreamTlsOf({ insecureDisableClientHttps, insecureSkipTlsVerify: skipVerify, webserverCaFile }: Settings) {
  if (insecureDisableClientHttps) return false;
  return { ...(skipVerify && { skipVerify }), ...(webserverCaFile !== undefined && { ca: certificates(webserverCaFile) }) };
}

function certificates(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new FrontsyncError("BAD_CONFIG", `Webserver-CA-File ${file} can't be read: ${(cause as Error).message}.`, { cause });
  }
}
