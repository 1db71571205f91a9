/** The datastore of a deployment, in one call: nats-server (embedded, or a given one) and the handler processes that serve the
 *  functions. Both are started again when they die. */
import { resolve } from "node:path";
import { lockDir } from "../bus/platform/dir-lock.ts";
import { checkControlAuth, DEFAULT_CONTROL_AUTH, DEFAULT_PORT, isLoopback, parseAddress } from "../bus/wire/address.ts";
import { checkTls, type TlsOptions } from "../bus/wire/tls.ts";
import { isObject } from "../schemas/document.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { loadSchemas, schemaFolders } from "../schemas/index.ts";
import type { HandlerConfig } from "./host/handler.ts";
import { RULE_SETTINGS } from "./rules/index.ts";
import type { TombstoneLimits } from "./store/collectable.ts";
import type { ContentsOptions } from "./store/contents.ts";
import { checkCertificate } from "./supervise/certificate.ts";
import { checkGivenNats } from "./supervise/given-nats.ts";
import { HandlerPool } from "./supervise/handler-pool.ts";
import { type Keys, loadKeys } from "./supervise/keys.ts";
import { superviseNatsServer } from "./supervise/nats-server.ts";

export { FrontsyncError } from "../schemas/errors.ts";

export interface DatastoreOptions {
  /** Where the embedded nats-server keeps the store, and the datastore its keys. Made when it is missing. */
  dir: string;
  /** Address of the embedded nats-server; default 127.0.0.1. */
  listen?: string;
  /** Its port; default 9405; 0: a free one. */
  port?: number;
  /** Use this running NATS (`host:port`) instead of an embedded one; `dir` then keeps only local state. */
  nats?: string;
  /** The secret that webservers share with the datastore. */
  controlAuth?: string;
  /** The embedded nats-server speaks TLS alone, with this certificate (PEM) and its key. */
  tls?: { certificateFile: string; keyFile: string };
  /** The NATS of `nats` must speak TLS; see the option `tls` of connectBus. */
  natsTls?: TlsOptions;
  /** trace, debug, info, warn, error or off; of the handlers. Default FRONTSYNC_LOG, else warn. */
  logLevel?: string;
  /** Handler processes, 1 to 64; default 1. */
  handlers?: number;
  /** always (default): a write is acknowledged after its fsync. default: after nats-server has it; a power cut can lose the last
   *  two minutes. */
  sync?: "always" | "default";
  /** The largest content of a resource, bytes; default 512 MiB. */
  resourceMaxBytes?: number;
  /** How long a content that no document refers to is kept, seconds, 0.1 to 30 days; default an hour. */
  resourceGraceSeconds?: number;
  /** How old a tombstone is at least when it is collected, seconds, 0 to 10 years; default 7 days: so long a deleted document's versions can be
   *  brought back. */
  tombstoneKeepSeconds?: number;
  /** How long tombstones wait for a webserver that is away, seconds, 0.1 to 10 years; default 30 days. One that is away for longer loses nothing
   *  that it has not uploaded. */
  tombstoneAwaySeconds?: number;
  /** When deletions are held until an admin lets them go: when within a minute more than `documents` (default 20) of a collection are
   *  deleted, and more than this `share` of it (default 0.2). A collection's schema may say otherwise. false: never. */
  deletionFuse?: { share?: number; documents?: number } | false;
  /** How many entries a user's search history keeps, 1 to 1000; default 100. Where it kept more, what is beyond stays until the history is cleared. */
  maxSearchHistory?: number;
  /** Folders with schema files of further collections. */
  schemas?: readonly string[];
  /** Gets a line for people while something takes its time, such as fetching nats-server. */
  onProgress?: (line: string) => void;
}

export interface Datastore {
  /** host:port, for `connectBus({ datastore })`. */
  readonly address: string;
  /** The id of the store's first life: a webserver that knows another one is held. */
  readonly generation: string;
  /** The processes that run now. */
  readonly pids: { natsServer: number | undefined; handlers: readonly number[] };
  /** Sets the handlers' log level, and has the embedded nats-server read its certificate again. Whether that is another one. Throws BAD_CONFIG
   *  when it is not usable. */
  reload(changed?: { logLevel?: string }): boolean;
  /** Drains and stops; the same dir and port start again with all data. Idempotent. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const MAX_HANDLERS = 64;
const RESOURCE_MAX_BYTES = 512 * 1024 * 1024;
const RESOURCE_GRACE_S = 3600;
const MAX_GRACE_MS = 30 * 24 * 3600 * 1000;
const DAY_S = 24 * 3600;
const TOMBSTONE_KEEP_S = 7 * DAY_S;
const TOMBSTONE_AWAY_S = 30 * DAY_S;
const MAX_TOMBSTONE_S = 3650 * DAY_S;
const MAX_SEARCH_HISTORY = 1000;

/** Resolves when a request would be answered. A handler or nats-server that dies is started again until stop(). Throws BAD_CONFIG,
 *  DIR_IN_USE, DATASTORE_UNREACHABLE (the given NATS does not answer). */
export async function startDatastore(options: DatastoreOptions): Promise<Datastore> {
  const {
    dir,
    listen = "127.0.0.1",
    port = DEFAULT_PORT,
    handlers = 1,
    sync = "always",
    controlAuth = DEFAULT_CONTROL_AUTH,
    certificate: first,
  } = check(options);
  let certificate = first;
  const schemas = schemaFolders(options.schemas);
  loadSchemas(schemas); // its faults are better told here than by every handler
  const lock = lockDir(dir);
  const stops: (() => Promise<void> | void)[] = [() => lock.release()];
  const stopAll = async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  };
  try {
    const keys = loadKeys(dir);
    const server =
      options.nats !== undefined
        ? undefined
        : await superviseNatsServer({
            dir,
            listen,
            port,
            sync,
            keys,
            tls: options.tls,
            ...(options.onProgress && { onProgress: options.onProgress }),
          });
    if (server) stops.push(() => server.stop());
    const address = server ? `${reachable(listen)}:${server.port}` : parseAddress(options.nats as string);
    const config = {
      ...handlerConfig(address, schemas, keys, controlAuth, server ? sync : undefined),
      contents: contentsOf(options),
      deletionFuse: options.deletionFuse ?? {},
      logLevel: options.logLevel,
      // Our own nats-server, at an address of this machine, with a certificate that is for others: it is known by its passwords.
      tls: options.tls ? { skipVerify: true } : options.natsTls,
      tombstones: tombstonesOf(options),
      rules: { maxSearchHistory: options.maxSearchHistory ?? RULE_SETTINGS.maxSearchHistory },
    };
    if (!server) await checkGivenNats(config);
    const pool = new HandlerPool(handlers, config);
    stops.push(() => pool.stop());
    await pool.start();
    let stopped: Promise<void> | undefined;
    const stop = () => (stopped ??= stopAll());
    return {
      address,
      get generation() {
        return pool.generation;
      },
      get pids() {
        return { natsServer: server?.pid, handlers: pool.pids };
      },
      reload({ logLevel } = {}) {
        const before = certificate;
        certificate = options.tls && checkCertificate(options.tls);
        if (logLevel !== undefined) pool.setLogLevel(logLevel);
        server?.reload();
        return certificate !== before;
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

function handlerConfig(
  server: string,
  schemas: readonly string[],
  keys: Keys,
  controlAuth: string,
  sync: "always" | "default" | undefined,
): Omit<HandlerConfig, "contents" | "tombstones" | "deletionFuse" | "rules"> {
  const common = { server, user: "functions", signingKey: keys.signingKey, schemas, sync };
  // A NATS of one's own has its own users: the functions come as `functions`, with Control-Auth as their password.
  if (sync === undefined) return { ...common, password: controlAuth };
  return {
    ...common,
    password: keys.functionsPassword,
    auth: { user: "auth", password: keys.authPassword, issuerSeed: keys.issuerSeed, controlAuth },
  };
}

/** The options, and the fingerprint of the certificate. */
function check(options: DatastoreOptions): DatastoreOptions & { certificate: string | undefined } {
  const refuse = (what: string): never => {
    throw new FrontsyncError("BAD_CONFIG", what);
  };
  if (!isObject(options)) refuse("startDatastore needs options: at least `dir`.");
  const { dir, listen = "127.0.0.1", port = 0, handlers = 1, sync = "always", nats } = options;
  const { controlAuth = DEFAULT_CONTROL_AUTH } = options;
  if (typeof dir !== "string" || dir === "") refuse("startDatastore needs `dir`: a folder for the store.");
  if (typeof listen !== "string") refuse("`listen` must be an address to listen on.");
  if (!Number.isInteger(port) || port < 0 || port > 65535) refuse(`\`port\` must be 0 to 65535, not ${port}.`);
  if (!Number.isInteger(handlers) || handlers < 1 || handlers > MAX_HANDLERS)
    refuse(`\`handlers\` must be 1 to ${MAX_HANDLERS}, not ${handlers}.`);
  if (sync !== "always" && sync !== "default") refuse(`\`sync\` must be "always" or "default", not ${JSON.stringify(sync)}.`);
  checkControlAuth(controlAuth);
  const { maxBytes, graceMs } = contentsOf(options);
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) refuse(`\`resourceMaxBytes\` must be a number of bytes, not ${maxBytes}.`);
  if (!(graceMs >= 100 && graceMs <= MAX_GRACE_MS))
    refuse(`\`resourceGraceSeconds\` must be 0.1 to 2592000, not ${graceMs / 1000}.`);
  const { keepMs, awayMs } = tombstonesOf(options);
  if (!(keepMs >= 0 && keepMs <= MAX_TOMBSTONE_S * 1000))
    refuse(`\`tombstoneKeepSeconds\` must be 0 to ${MAX_TOMBSTONE_S}, not ${keepMs / 1000}.`);
  if (!(awayMs >= 100 && awayMs <= MAX_TOMBSTONE_S * 1000))
    refuse(`\`tombstoneAwaySeconds\` must be 0.1 to ${MAX_TOMBSTONE_S}, not ${awayMs / 1000}.`);
  const { share = 0, documents = 0 } = options.deletionFuse || {};
  if (!(share >= 0 && share <= 1)) refuse(`\`deletionFuse.share\` must be 0 to 1, not ${share}.`);
  if (!Number.isSafeInteger(documents) || documents < 0)
    refuse(`\`deletionFuse.documents\` must be a number of documents, not ${documents}.`);
  const { maxSearchHistory = 1 } = options;
  if (!Number.isInteger(maxSearchHistory) || maxSearchHistory < 1 || maxSearchHistory > MAX_SEARCH_HISTORY)
    refuse(`\`maxSearchHistory\` must be 1 to ${MAX_SEARCH_HISTORY}, not ${maxSearchHistory}.`);
  const certificate = options.tls && checkCertificate(options.tls);
  checkTls(options.natsTls);
  if (nats === undefined && !isLoopback(listen) && controlAuth === DEFAULT_CONTROL_AUTH) {
    refuse(
      `Off loopback (listen ${listen}) the well-known default of Control-Auth is no secret: give \`controlAuth\`, the same on every webserver.`,
    );
  }
  return { ...options, dir: resolve(dir), certificate };
}

/** What is kept of resources' contents. */
function contentsOf({
  resourceMaxBytes = RESOURCE_MAX_BYTES,
  resourceGraceSeconds = RESOURCE_GRACE_S,
}: DatastoreOptions): ContentsOptions {
  return { maxBytes: resourceMaxBytes, graceMs: resourceGraceSeconds * 1000 };
}

function tombstonesOf({
  tombstoneKeepSeconds = TOMBSTONE_KEEP_S,
  tombstoneAwaySeconds = TOMBSTONE_AWAY_S,
}: DatastoreOptions): TombstoneLimits {
  return { keepMs: tombstoneKeepSeconds * 1000, awayMs: tombstoneAwaySeconds * 1000 };
}

/** An address to connect to, for one to listen on. */
function reachable(listen: string): string {
  if (listen === "0.0.0.0") return "127.0.0.1";
  if (listen === "::") return "[::1]";
  return listen.includes(":") && !listen.startsWith("[") ? `[${listen}]` : listen;
}
