import { isAbsolute } from "node:path";
import { FrontsyncError } from "../../schemas/errors.ts";

const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;
const MAX_PENDING_BYTES = 64 * 1024 * 1024;
/** More than any disk has. Without a number the server takes three quarters of what is free when it starts, and refuses writes beyond that with a
 *  quarter of the disk free, also after the disk has grown. That the disk itself is full is noticed, and mended (supervise/write-faults.ts). */
const MAX_FILE_STORE = "1000TB";

/** A connection that says nothing, and answers so many PINGs not, is given up within a minute: a handler that hangs is handed requests until then. The server's
 *  own numbers (2 minutes) make it six. Less would cut whoever is behind a large page on a slow line. */
const PING_S = 20;
const PINGS_OUT = 2;

export interface NatsConfigOptions {
  /** The address to listen on, e.g. 127.0.0.1 or ::1. */
  listen: string;
  /** 1 to 65535; 0: a free one, that launchNatsServer tells. */
  port: number;
  /** Absolute path of the folder for JetStream's data. */
  storeDir: string;
  /** always: acknowledged means fsynced. default: fsynced every 2 minutes, a power loss takes what came since. */
  sync: "always" | "default";
  /** Of the user `functions` in the account DS, which holds JetStream. Any text but an empty one or a bcrypt hash. */
  functionsPassword: string;
  /** Of the user `auth` in the account AUTH, the service that answers auth callouts. */
  authPassword: string;
  /** Public nkey (A…) of the account whose key signs the answers of the auth callout. */
  issuer: string;
  /** Absolute paths of a certificate and its key (PEM); without them there is no TLS. */
  tls?: { certificateFile: string; keyFile: string } | undefined;
}

/** The text of the embedded server's configuration. It holds passwords: launchNatsServer writes it with mode 0600.
 *
 *  Three accounts: DS holds JetStream and the functions; WEB, where webservers are placed, imports nothing but the service ds.req.>
 *  and the stream ds.live.>, so no subject and no reply subject of a webserver reaches the store; AUTH asks the auth callout service
 *  who may come in, so that webservers come and go without a reload. Messages are limited to 8 MB, what waits for a slow client to
 *  64 MB and 10 s; one that is silent is given up. BAD_CONFIG for values that the server would misread. */
export function natsConfig(options: NatsConfigOptions): string {
  check(options);
  const password = { auth: quote(options.authPassword), functions: quote(options.functionsPassword) };
  return `# Written by frontsync at each start: changes are lost.
host: ${quote(options.listen)}
port: ${options.port === 0 ? -1 : options.port}
max_payload: ${MAX_PAYLOAD_BYTES}
max_pending: ${MAX_PENDING_BYTES}
write_deadline: "10s"
ping_interval: "${PING_S}s"
ping_max: ${PINGS_OUT}
${options.tls ? tlsBlock(options.tls) : ""}jetstream {
  store_dir: ${quote(options.storeDir)}
  max_file_store: ${MAX_FILE_STORE}
${options.sync === "always" ? "  sync_interval: always\n" : ""}}
accounts {
  AUTH { users: [ { user: auth, password: ${password.auth} } ] }
  DS {
    jetstream: enabled
    users: [ { user: functions, password: ${password.functions} } ]
    exports: [ { service: "ds.req.>", response_type: singleton }, { stream: "ds.live.>" } ]
  }
  WEB { imports: [ { service: { account: DS, subject: "ds.req.>" } }, { stream: { account: DS, subject: "ds.live.>" } } ] }
}
authorization {
  timeout: ${AUTH_TIMEOUT_S}
  auth_callout { issuer: ${quote(options.issuer)}, auth_users: [ auth, functions ], account: AUTH }
}
`;
}

/** Who is refused because the functions had no time to look at the secret is told that it is wrong: so they get as long as a client waits, nearly. */
const AUTH_TIMEOUT_S = 2.5;
/** Ours: a connection may take that long to agree on TLS, also on a machine that has little time. */
const TLS_TIMEOUT_S = 5;

function tlsBlock({ certificateFile, keyFile }: { certificateFile: string; keyFile: string }): string {
  return `tls {
  cert_file: ${quote(certificateFile)}
  key_file: ${quote(keyFile)}
  timeout: ${TLS_TIMEOUT_S}
}
`;
}

function check({ listen, port, storeDir, functionsPassword, authPassword, issuer }: NatsConfigOptions): void {
  const refuse = (what: string): never => {
    throw new FrontsyncError("BAD_CONFIG", what);
  };
  if (listen === "") refuse("The address to listen on is empty.");
  if (!Number.isInteger(port) || port < 0 || port > 65535) refuse(`The port must be 0 to 65535, not ${port}.`);
  if (!isAbsolute(storeDir)) refuse(`The store's folder must be an absolute path, not ${JSON.stringify(storeDir)}.`);
  for (const password of [functionsPassword, authPassword]) {
    if (password === "") refuse("A password of the embedded nats-server is empty.");
    if (!password.isWellFormed()) refuse("A password of the embedded nats-server is not well-formed Unicode.");
    // The server takes such a text for the hash of the password.
    if (/^\$2[abxy]\$\d\d\$/.test(password)) refuse("A password of the embedded nats-server looks like a bcrypt hash.");
  }
  if (!/^A[A-Z2-7]{55}$/.test(issuer))
    refuse("The issuer of the auth callout must be the public nkey of an account (A…, 56 characters).");
}

/** A double-quoted string of the server's configuration language: in it only \\ and " are special, and control characters are
 *  written as bytes. Outside of quotes $ would be a variable and # a comment. */
function quote(text: string): string {
  const escaped = text.replaceAll(/[\\"]/g, "\\$&").replaceAll(/\p{Cc}/gu, (control) => {
    const code = control.charCodeAt(0);
    return code < 0x80 ? `\\x${code.toString(16).padStart(2, "0")}` : control;
  });
  return `"${escaped}"`;
}
