/** The configuration of other proxies, for the webservers that there are. */
import type { Rank } from "../backend.ts";
import type { Entry } from "./entry.ts";
import { haproxyConfig } from "./haproxy.ts";
import { nginxConfig } from "./nginx.ts";
import { traefikConfig } from "./traefik.ts";

export type ProxyName = "traefik" | "haproxy" | "nginx";

export interface EmitOptions {
  /** Where users are served. */
  host: string;
  port: number;
  /** With them it serves HTTPS. */
  tls: { keyFile: string; certificateFile: string } | undefined;
  /** Of the webservers' certificates: any will do; who may have signed them. */
  skipVerify: boolean;
  caFile: string | undefined;
}

export type Ranked = Entry & { rank: Rank };

/** One that is not who it says it is stands in no configuration. */
export function emit(proxy: ProxyName, webservers: readonly Ranked[], options: EmitOptions): string {
  const listed = webservers.filter(({ rank }) => rank !== "barred");
  if (proxy === "haproxy") return haproxyConfig(listed, options);
  if (proxy === "nginx") return nginxConfig(listed, options);
  const { skipVerify, caFile } = options;
  return `${JSON.stringify(traefikConfig(listed, { skipVerify, caFile }), undefined, 2)}\n`;
}
