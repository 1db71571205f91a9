/** Where users are served, as the settings say: of a webserver and of a load balancer; and where others reach a webserver. */
import type { ListenOptions } from "../../../apps/http/options.ts";
import { isLoopback } from "../../../bus/wire/address.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { Settings } from "./index.ts";

type Of = "webListenAddress" | "webPort" | "keyFile" | "certificateFile" | "insecureDisableHttps";
type Redirecting = "disableHttpRedirector" | "httpRedirectorPort";

/** Throws BAD_CONFIG where other machines would be served without HTTPS, and nobody has said that this is meant. */
export function listeningOf(settings: Pick<Settings, Of | Redirecting>): ListenOptions {
  const { webListenAddress: listen, webPort: port, keyFile, certificateFile, httpRedirectorPort: redirectPort } = settings;
  const plain = keyFile === undefined && certificateFile === undefined;
  if (settings.insecureDisableHttps || (plain && isLoopback(listen))) return { listen, port };
  if (plain)
    throw new FrontsyncError(
      "BAD_CONFIG",
      `On ${listen} users are served over HTTPS: set Key-File and Certificate-File, or Insecure-Disable-HTTPS behind a proxy that has them.`,
    );
  return {
    ...{ listen, port },
    ...(keyFile !== undefined && { keyFile }),
    ...(certificateFile !== undefined && { certificateFile }),
    ...(redirectPort !== undefined && !settings.disableHttpRedirector && { redirectPort }),
  };
}

/** Where others reach a webserver. Throws BAD_CONFIG without one. */
export function externalAddrOf({ externalAddr }: Pick<Settings, "externalAddr">): string {
  if (externalAddr !== undefined) return externalAddr;
  throw new FrontsyncError("BAD_CONFIG", "External-Addr (--external-addr) is missing: where other webservers reach this one.");
}
