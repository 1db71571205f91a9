/** Traefik's dynamic configuration: what its HTTP provider asks for, and what a file of its file provider may hold. */
import type { Rank } from "../backend.ts";
import type { Entry } from "./entry.ts";

export interface TraefikOptions {
  /** Of the entry point that users come to; without it: all of them. */
  entryPoint?: string;
  /** Any certificate of a webserver's will do. */
  skipVerify?: boolean;
  /** Who may have signed them; without it those that the system knows. */
  caFile?: string | undefined;
}

/** Those that may get users now; drained ones are left out, and get no new ones. */
export function traefikConfig(
  webservers: readonly (Entry & { rank?: Rank })[],
  { entryPoint, skipVerify = false, caFile }: TraefikOptions = {},
): object {
  const listed = webservers.filter(({ rank = "fit" }) => rank !== "barred" && rank !== "drained" && rank !== "down");
  const servers = listed.map(({ address, secure }) => ({ url: `${secure ? "https" : "http"}://${address}` }));
  // It refuses a service without servers.
  if (servers.length === 0) return { http: {} };
  const transport = (skipVerify || caFile !== undefined) && listed.some(({ secure }) => secure);
  return {
    http: {
      routers: {
        frontsync: {
          rule: "PathPrefix(`/`)",
          service: "frontsync",
          ...(entryPoint !== undefined && { entryPoints: [entryPoint] }),
        },
      },
      services: {
        frontsync: {
          loadBalancer: {
            servers,
            passHostHeader: true,
            sticky: { cookie: { name: "frontsync_traefik", httpOnly: true, sameSite: "lax", path: "/" } },
            healthCheck: { path: "/api/health", interval: "2s", timeout: "3s" },
            ...(transport && { serversTransport: "frontsync" }),
          },
        },
      },
      ...(transport && { serversTransports: { frontsync: skipVerify ? { insecureSkipVerify: true } : { rootCAs: [caFile] } } }),
    },
  };
}
