/** The webserver's side of the wire: asks functions, hears live changes. */
import type { Schemas } from "../schemas/index.ts";
import type { CheckInReply, Messages } from "../schemas/types.ts";
import { clock } from "./platform/clock.ts";
import { MAX_TIMER_MS } from "./platform/deadline.ts";
import { asError } from "./refusal.ts";
import { encodeFrame } from "./wire/frame.ts";
import { hooks } from "./wire/hooks.ts";
import { Connection, type ConnectionEvent, headerBlock, type Msg, type MsgHdrs } from "./wire/nats.ts";
import { ALL_COLLECTIONS, inboxPrefix, LIVE_ALL, requestSubject } from "./wire/subjects.ts";
import type { TlsOptions } from "./wire/tls.ts";

export interface LinkOptions {
  servers: readonly string[];
  webserver: string;
  controlAuth: string;
  tls: TlsOptions | undefined;
  schemas: Schemas;
  onEvent(event: ConnectionEvent, detail: string): void;
}

/** The names of the messages that are requests, without `.request`. */
type Verb = keyof Messages extends infer K ? (K extends `${infer Name}.request` ? Name : never) : never;

/** Of a NATS that nobody has configured, bytes. */
const USUAL_MAX_PAYLOAD = 1024 * 1024;

export class Link {
  readonly #connection: Connection;
  readonly #webserver: string;
  readonly #schemas: Schemas;
  /** The datastore's clock minus ours, ms; undefined: not known yet. */
  #clockOffset: number | undefined;
  #told: CheckInReply | undefined;
  #maxPayload = USUAL_MAX_PAYLOAD;

  constructor({ servers, webserver, controlAuth, tls, schemas, onEvent }: LinkOptions) {
    this.#webserver = webserver;
    this.#schemas = schemas;
    const options = {
      servers,
      user: webserver,
      password: controlAuth,
      inboxPrefix: inboxPrefix(webserver),
      name: webserver,
      tls,
    };
    this.#connection = new Connection(options, onEvent);
  }

  get connected(): boolean {
    return this.#connection.connected;
  }

  /** Bytes of the largest message; without a connection, of the last one. */
  get maxPayload(): number {
    if (this.#connection.connected) this.#maxPayload = this.#connection.info.maxPayload;
    return this.#maxPayload;
  }

  open(): Promise<void> {
    return this.#connection.open();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** What the last check-in told of the datastore: deadlines are by its clock, and it may be of an older version. */
  meet(reply: CheckInReply): void {
    this.#clockOffset = reply.now - clock.now();
    this.#told = reply;
  }

  /** Of the datastore's frontsync; undefined: no check-in was answered yet. */
  get datastoreVersion(): string | undefined {
    return this.#told?.version;
  }

  /** Whether writes may say by which schema version they are. */
  get takesSchema(): boolean {
    return this.#told?.schemas !== undefined;
  }

  /** How large a page of changes is unless less is asked for, bytes; undefined: the datastore takes no such wish. */
  get pageBytes(): number | undefined {
    return this.#told?.pageBytes;
  }

  /** Every live change, by one subscription. */
  hear(onMessage: (message: Msg) => void): { unsubscribe(): void } {
    return this.#connection.subscribe(LIVE_ALL, (message) => {
      hooks.damageLive?.(message.subject, message.data);
      if (!hooks.loseLive?.(message.subject)) onMessage(message);
    });
  }

  /** Asks a function and waits for its answer's bytes. Throws what the function refuses with; DATASTORE_UNREACHABLE when nothing was
   *  sent; TIMEOUT when it was, and no answer came. `collection` undefined: a function for all of them, or a named one.
   *  `request`: also as JSON; `bytes`: behind it, of a function that is framed. */
  async ask<V extends Verb>(
    verb: V,
    collection: string | undefined,
    request: Messages[`${V}.request`] | string,
    timeoutMs: number,
    bytes?: Uint8Array,
  ): Promise<Uint8Array> {
    const ms = Math.min(timeoutMs, MAX_TIMER_MS);
    const [of, named] = verb.split(".");
    const subject = named
      ? requestSubject(of as string, named, this.#webserver)
      : requestSubject(collection ?? ALL_COLLECTIONS, verb, this.#webserver);
    const json = typeof request === "string" ? request : JSON.stringify(request);
    const body = bytes ? encodeFrame(json, bytes) : json;
    const reply = await this.#connection.request(subject, body, { timeoutMs: ms, ...this.#deadline(verb, ms) });
    if (reply.headers?.has("Nats-Service-Error-Code")) throw asError(this.#schemas.read("error.reply", reply.data));
    return reply.data;
  }

  /** When nobody waits any more, by the datastore's clock. Not of a check-in: that is what learns the offset, and after a clock was set right every
   *  request would be taken for late, for ever. */
  #deadline(verb: Verb, timeoutMs: number): { headers?: MsgHdrs } {
    if (this.#clockOffset === undefined || verb === "check-in") return {};
    return { headers: headerBlock(`Fs-Deadline: ${Math.round(clock.now() + this.#clockOffset + timeoutMs)}\r\n`) };
  }
}
