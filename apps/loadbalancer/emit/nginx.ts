/** For nginx' conf.d. Its free edition looks at no health by itself: a webserver that fails is left out for some seconds, and one that should get no
 *  users is marked when the file is made again. */
import type { EmitOptions, Ranked } from "./index.ts";

const SYSTEM_CAS = "/etc/ssl/certs/ca-certificates.crt";
const STICKY_S = 600;

export function nginxConfig(webservers: readonly Ranked[], options: EmitOptions): string {
  const { host, port, tls } = options;
  const at = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const secure = webservers.some((webserver) => webserver.secure);
  const better = webservers.some(({ rank }) => rank === "fit");
  const servers = webservers.map(
    ({ address, rank }) => `  server ${address} max_fails=1 fail_timeout=5s${better && rank !== "fit" ? " down" : ""};`,
  );
  return `# Made by \`frontsync loadbalancer --emit nginx\`, of the webservers that there were. Make it again when one comes or goes.
map $http_upgrade $frontsync_connection {
  default upgrade;
  '' '';
}

# Which webserver a browser is kept at, this decides; one without it, or with something else, gets a new one.
map $cookie_frontsync_nginx $frontsync_user {
  default $request_id;
  "~^[0-9a-f]{32}$" $cookie_frontsync_nginx;
}

upstream frontsync_webservers {
  hash $frontsync_user consistent;
${servers.join("\n")}
  keepalive 64;
}

server {
  listen ${at}${tls ? " ssl" : ""};
${tls ? `  ssl_certificate ${quoted(tls.certificateFile)};\n  ssl_certificate_key ${quoted(tls.keyFile)};\n  ssl_protocols TLSv1.2 TLSv1.3;\n` : ""}  client_max_body_size 0;
  client_header_timeout 10s;
  location / {
    proxy_pass ${secure ? "https" : "http"}://frontsync_webservers;
${secure ? verification(webservers, options) : ""}    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $frontsync_connection;
    proxy_set_header Forwarded "";
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_connect_timeout 3s;
    proxy_read_timeout 30m;
    # Not for what changes something: that could be done twice.
    proxy_next_upstream error timeout invalid_header http_502;
    proxy_next_upstream_tries 3;
    add_header Set-Cookie "frontsync_nginx=$frontsync_user; Path=/; Max-Age=${STICKY_S}; HttpOnly; SameSite=Lax${tls ? "; Secure" : ""}" always;
  }
}
`;
}

function verification(webservers: readonly Ranked[], { skipVerify, caFile }: EmitOptions): string {
  if (skipVerify) return "    proxy_ssl_verify off;\n";
  const name = webservers[0]?.address.replace(/:\d+$/, "") ?? "";
  return `    proxy_ssl_verify on;
    proxy_ssl_trusted_certificate ${quoted(caFile ?? SYSTEM_CAS)};
    # nginx looks for one name in the certificates of all webservers: this one, or another that they share.
    proxy_ssl_server_name on;
    proxy_ssl_name ${name};
`;
}

function quoted(path: string): string {
  return `"${path.replaceAll(/(["\\$])/g, "\\$1")}"`;
}
