/** The connection to NATS: the only file that imports the client. Everything that waits here has a deadline, and what the client
 *  throws becomes one of our codes. */
import {
  type ConnectionOptions,
  connect,
  Events,
  type Msg,
  type MsgHdrs,
  headers as makeHeaders,
  type NatsConnection,
  NatsError,
  nkeys,
  type ServiceMsg,
  type Subscription,
} from "nats";
import { FrontsyncError } from "../../schemas/errors.ts";
import { atMost, pause } from "../platform/deadline.ts";
import { log } from "../platform/log.ts";
import { randomId } from "../platform/random.ts";
import { Life } from "./life.ts";
import { reconnectDelay } from "./reconnect.ts";
import { Requests } from "./requests.ts";
import { type TlsOptions, tlsFault, tlsSettings } from "./tls.ts";

export type { Msg, MsgHdrs, ServiceMsg, Subscription };
export { makeHeaders, nkeys };

export interface ConnectOptions {
  /** `host:port` each. */
  servers: readonly string[];
  user: string;
  password: string;
  /** Of the replies to this connection's requests; it must be allowed to subscribe to it. */
  inboxPrefix: string;
  /** Shown in the server's list of connections. */
  name: string;
  /** The server must speak TLS. Without it TLS is spoken when the server asks for it, with a certificate that Node knows to be good. */
  tls?: TlsOptions | undefined;
}

const DRAIN_MS = 5000;
const NEVER_MS = 2 ** 31 - 1;
const NO_RESPONDERS = 503;

/** Headers that are already text. The client asks headers for nothing but their bytes; its own class checks and copies each one. */
export function headerBlock(lines: string): MsgHdrs {
  const bytes = Buffer.from(`NATS/1.0\r\n${lines}\r\n`, "latin1");
  return { encode: () => bytes } as unknown as MsgHdrs;
}

/** A header block, unread, and the body behind it. */
export interface RawMessage<B extends Uint8Array = Buffer> {
  bytes: B;
  headersEnd: number;
}

/** A message's bytes, to be kept: a view would keep all that its socket read with it. */
export function rawMessage(message: Msg): RawMessage {
  const { bytes, headersEnd } = viewOf(message);
  // Buffer takes small pieces from a larger one; an ArrayBuffer for each message is dear to the garbage collector.
  return { bytes: Buffer.from(bytes), headersEnd };
}

/** A message's header block, unread: a view of what the client was given by its socket. */
export function rawHeaders(message: Msg | ServiceMsg): Uint8Array {
  const { bytes, headersEnd } = viewOf(message);
  return bytes.subarray(0, headersEnd);
}

/** Not in the client's types, but in every version 2: the block and the body are one piece, and `hdr` is where it is cut; a service's message has
 *  another one in it. */
interface Inside {
  _rdata?: Uint8Array;
  _msg?: { hdr: number };
  msg?: Inside;
}

function viewOf(message: Msg | ServiceMsg): RawMessage<Uint8Array> {
  const inside = message as Inside;
  const { _rdata: raw, _msg: parsed } = inside.msg ?? inside;
  if (raw && parsed) return { bytes: raw, headersEnd: Math.max(0, parsed.hdr) };
  const headers = Buffer.from(String(message.headers ?? ""), "latin1");
  return { bytes: Buffer.concat([headers, message.data]), headersEnd: headers.length };
}

interface Service {
  name: string;
  version: string;
  description: string;
  queue: string;
}

interface Endpoint {
  name: string;
  subject: string;
  metadata: Record<string, string>;
  handle(message: ServiceMsg): void;
}

/** What begins anew with each connection that we make; the client sees to its own reconnects. */
interface Subscribed {
  start(nats: NatsConnection): void;
}

/** refused: the server does not let us in. untrusted: its TLS is not good enough for us. */
export type ConnectionEvent = "connected" | "disconnected" | "refused" | "untrusted";

/** What the server says of itself. */
export interface ServerInfo {
  id: string;
  version: string;
  maxPayload: number;
  jetstream: boolean;
}

/** A connection that comes back by itself until `close`. */
export class Connection {
  #options: ConnectOptions;
  readonly #onEvent: (event: ConnectionEvent, detail: string) => void;
  readonly #stop = new AbortController();
  readonly #subscribed = new Set<Subscribed>();
  #nats: NatsConnection | undefined;
  #up = false;
  readonly #requests: Requests<Msg>;

  constructor(options: ConnectOptions, onEvent: (event: ConnectionEvent, detail: string) => void = () => {}) {
    this.#options = options;
    this.#onEvent = onEvent;
    this.#requests = new Requests(`${options.inboxPrefix}.${randomId()}.`);
    this.subscribe(`${this.#requests.prefix}*`, (message) => {
      const nobody = message.headers?.code === NO_RESPONDERS && message.data.length === 0;
      this.#requests.answer(message.subject, message, nobody ? unreachable("nobody serves this request") : undefined);
    });
  }

  /** Connects, again and again until it succeeds or `close` is called; then resolves. */
  async open(): Promise<void> {
    for (let wait = 100; !this.#stop.signal.aborted; wait = Math.min(wait * 2, 1000)) {
      try {
        const nats = await connect(clientOptions(this.#options));
        if (this.#stop.signal.aborted) return await nats.close();
        this.#nats = nats;
        for (const subscribed of this.#subscribed) subscribed.start(nats);
        void this.#watch(nats);
        this.#set(true, nats.getServer());
        return;
      } catch (error) {
        this.#failed(error);
      }
      await pause(wait, this.#stop.signal);
    }
  }

  get connected(): boolean {
    return this.#up;
  }

  /** Throws DATASTORE_UNREACHABLE while there is no connection. */
  get info(): ServerInfo {
    const info = this.#live().info;
    if (!info) throw unreachable("the connection has not been greeted yet");
    return { id: info.server_id, version: info.version, maxPayload: info.max_payload, jetstream: info.jetstream === true };
  }

  /** Asks and waits for one answer. Throws DATASTORE_UNREACHABLE when nobody can have got the request, TIMEOUT when nobody answered
   *  in time or the connection broke meanwhile: then it may have arrived. */
  request(
    subject: string,
    body: Uint8Array | string,
    { timeoutMs, headers }: { timeoutMs: number; headers?: MsgHdrs },
  ): Promise<Msg> {
    return this.#requests.send(
      (reply) => this.publish(subject, body, headers ? { headers, reply } : { reply }),
      subject,
      timeoutMs,
    );
  }

  publish(subject: string, body: Uint8Array | string, options: { headers?: MsgHdrs; reply?: string } = {}): void {
    try {
      this.#live().publish(subject, body, options);
    } catch (error) {
      throw translate(error, subject, this.#nats?.info?.max_payload);
    }
  }

  /** Subscribes, now or when the connection is there, and again after a reconnect. An error in `onMessage` is logged, and the next
   *  message is delivered. */
  subscribe(subject: string, onMessage: (message: Msg) => void, options: { queue?: string } = {}): { unsubscribe(): void } {
    const callback = (error: Error | null, message: Msg) => {
      try {
        if (error) throw error;
        onMessage(message);
      } catch (caught) {
        log.error({ err: caught, subject }, "a message could not be handled");
      }
    };
    let current: Subscription | undefined;
    const subscribed: Subscribed = {
      start(nats) {
        current = nats.subscribe(subject, { ...options, callback });
      },
    };
    this.#subscribed.add(subscribed);
    if (this.#nats && !this.#nats.isClosed()) subscribed.start(this.#nats);
    return {
      unsubscribe: () => {
        this.#subscribed.delete(subscribed);
        if (this.#nats && !this.#nats.isClosed()) current?.unsubscribe();
      },
    };
  }

  /** Serves endpoints as one NATS micro service: `$SRV.PING`, `INFO` and `STATS` answer. Also again after a reconnect, whoever made it. Throws
   *  DATASTORE_UNREACHABLE while there is no connection. */
  async serve(service: Service, endpoints: readonly Endpoint[]): Promise<void> {
    const nats = this.#live();
    this.#subscribed.add({
      start(next) {
        // The connection may break meanwhile: the next one begins anew.
        addService(next, service, endpoints).catch((error: unknown) =>
          log.error({ err: error }, "the service could not be added"),
        );
      },
    });
    await addService(nats, service, endpoints);
  }

  createInbox(): string {
    return `${this.#options.inboxPrefix}.${randomId()}`;
  }

  /** Resolves when the server has everything that was published before. */
  async flush(): Promise<void> {
    await this.#live().flush();
  }

  /** Lets the subscriptions' messages be handled and the answers be sent, then closes. */
  async drain(): Promise<void> {
    this.#stop.abort();
    const nats = this.#nats;
    if (!nats || nats.isClosed()) return;
    await atMost(DRAIN_MS, nats.drain());
    await this.close();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#nats?.close();
    this.#set(false, "closed");
  }

  #live(): NatsConnection {
    if (!this.#up || !this.#nats) throw unreachable("there is no connection");
    return this.#nats;
  }

  #set(up: boolean, detail: string): void {
    if (this.#up === up) return;
    this.#up = up;
    if (!up) this.#requests.fail();
    this.#onEvent(up ? "connected" : "disconnected", detail);
  }

  #failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const fault = tlsFault(error);
    if (fault !== undefined && this.#options.tls === undefined) {
      // The server asked for TLS, and the client did not know by which name to look at it: from here on we ask ourselves.
      this.#options = { ...this.#options, tls: {} };
      return;
    }
    const refused = error instanceof NatsError && (error.isAuthError() || error.code === "AUTHENTICATION_TIMEOUT");
    if (fault !== undefined) this.#onEvent("untrusted", fault);
    else this.#onEvent(refused ? "refused" : "disconnected", message);
  }

  async #watch(nats: NatsConnection): Promise<void> {
    void this.#note(nats);
    const life = new Life(nats, () => this.#up);
    const error = await nats.closed();
    life.stop();
    if (this.#stop.signal.aborted) return;
    // The client gave up: begin anew.
    this.#set(false, "closed");
    if (error) this.#failed(error);
    await this.open();
  }

  /** Does not end when the client gives up. */
  async #note(nats: NatsConnection): Promise<void> {
    for await (const status of nats.status()) {
      if (status.type === Events.Disconnect) this.#set(false, String(status.data));
      else if (status.type === Events.Reconnect) this.#set(true, String(status.data));
      else if (status.type === Events.Error) log.debug({ data: String(status.data) }, "the server reports an error");
    }
  }
}

function clientOptions({ servers, user, password, inboxPrefix, name, tls }: ConnectOptions): ConnectionOptions {
  return {
    servers: [...servers],
    user,
    pass: password,
    name,
    inboxPrefix,
    // Of several servers the client forgets for good those that were down when it first connected: then we connect anew ourselves.
    // With TLS as well: it would try for ever, and say nothing of a certificate that has expired.
    reconnect: servers.length === 1 && tls === undefined,
    ...(tls && { tls: tlsSettings(tls, servers) }),
    maxReconnectAttempts: -1,
    reconnectDelayHandler: reconnectDelay(),
    ignoreAuthErrorAbort: true,
    // See life.ts.
    pingInterval: NEVER_MS,
    timeout: 3000,
    noAsyncTraces: true,
  };
}

async function addService(nats: NatsConnection, service: Service, endpoints: readonly Endpoint[]): Promise<void> {
  const served = await nats.services.add(service);
  for (const { name, subject, metadata, handle } of endpoints) {
    served.addEndpoint(name, {
      subject,
      metadata,
      handler: (error, message) => {
        if (error) log.error({ err: error, subject }, "an endpoint failed");
        else handle(message);
      },
    });
  }
}

function unreachable(why: string, cause?: unknown): FrontsyncError {
  return new FrontsyncError("DATASTORE_UNREACHABLE", `The datastore can't be reached: ${why}.`, { cause });
}

function translate(error: unknown, subject: string, limit?: number): FrontsyncError {
  if (error instanceof FrontsyncError) return error;
  if (!(error instanceof NatsError)) return new FrontsyncError("INTERNAL", `${subject}: ${String(error)}`, { cause: error });
  switch (error.code) {
    case "DISCONNECT":
    case "CONNECTION_CLOSED":
    case "CONNECTION_DRAINING":
      return new FrontsyncError("TIMEOUT", `No answer on '${subject}': ${error.message}.`, { cause: error });
    case "MAX_PAYLOAD_EXCEEDED":
      return new FrontsyncError("TOO_LARGE", `A message on '${subject}' is larger than the NATS server takes.`, {
        limit,
        cause: error,
      });
    case "PERMISSIONS_VIOLATION":
      return new FrontsyncError("NOT_ALLOWED", `NATS does not let this connection use '${subject}'.`, { cause: error });
    default:
      return new FrontsyncError("INTERNAL", `${subject}: ${error.message} (${error.code})`, { cause: error });
  }
}
