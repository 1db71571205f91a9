/** haproxy.cfg: one section for users, one for the webservers. */
import { markOf } from "../stickiness.ts";
import { nameIn } from "./entry.ts";
import type { EmitOptions, Ranked } from "./index.ts";

const COMBINED = "/etc/haproxy/frontsync.pem";
const SYSTEM_CAS = "/etc/ssl/certs/ca-certificates.crt";

export function haproxyConfig(webservers: readonly Ranked[], options: EmitOptions): string {
  const { host, port, tls } = options;
  const at = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const certificate = tls
    ? `  # HAProxy wants both in one file: cat ${quoted(tls.certificateFile)} ${quoted(tls.keyFile)} > ${COMBINED}\n  bind ${at} ssl crt ${COMBINED}`
    : `  bind ${at}`;
  return `# Made by \`frontsync loadbalancer --emit haproxy\`, of the webservers that there were. Make it again when one comes or goes.
global
  maxconn 10000

defaults
  mode http
  timeout connect 3s
  timeout http-request 10s
  timeout http-keep-alive 75s
  timeout client 60s
  timeout server 30m
  timeout tunnel 24h
  option http-server-close
  option redispatch 1
  retries 3

frontend frontsync
${certificate}
  http-request del-header Forwarded
  http-request del-header X-Forwarded- -m beg
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto ${tls ? "https" : "http"}
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend frontsync

backend frontsync
  balance leastconn
  # What was sent, and not answered, is tried elsewhere only when that does no harm.
  retry-on conn-failure empty-response
  http-request disable-l7-retry unless METH_GET or METH_OPTIONS
  cookie frontsync_haproxy insert indirect nocache httponly${tls ? " secure" : ""} attr SameSite=Lax
  option httpchk
  http-check send meth GET uri /api/health
  http-check expect status 200
  default-server check inter 2s fall 2 rise 1 observe layer4 error-limit 1 on-error mark-down
${webservers.map((webserver) => serverLine(webserver, options)).join("\n")}
`;
}

function serverLine({ webserver, address, secure }: Ranked, { skipVerify, caFile }: EmitOptions): string {
  const host = address.replace(/:\d+$/, "");
  const named = /[a-z]/i.test(host) && !host.startsWith("[");
  const sni = named ? ` sni str(${host}) check-sni ${host}` : "";
  const verify = skipVerify
    ? "verify none"
    : `verify required ca-file ${caFile === undefined ? SYSTEM_CAS : quoted(caFile)}${named ? ` verifyhost ${host}` : ""}`;
  return `  server ${nameIn(webserver)} ${address} cookie ${markOf(webserver)}${secure ? ` ssl ${verify}${sni}` : ""}`;
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
