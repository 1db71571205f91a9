/** Notices a server that hangs but still holds its sockets, within 2 s, and cuts nobody who is only slow. The client's own heartbeat takes nothing but
 *  a PONG for life, and that comes behind all that is on its way: a large message over a slow line lost its connection, and was asked for again,
 *  for ever. */
import { clock } from "../platform/clock.ts";

const TICK_MS = 900;
/** A tick that comes later says nothing: it is we who stood still, and so perhaps did the line. */
const LATE_MS = TICK_MS * 1.5;
/** What was sent must be there before the PING behind it: each tick has room for so many bytes of it, and there are so many ticks at most. */
const UPLOAD_BYTES = 512 * 1024;
const MOST_UPLOAD_TICKS = 10;

export interface Client {
  /** A PING; the promise is kept at its PONG. */
  flush(): Promise<void>;
  /** Gives the connection up. */
  reconnect(): Promise<void>;
}

interface Socket {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  destroy(): void;
}

/** Not in the client's types, but in every version 2. Without them there is only the PONG. */
interface Inside {
  protocol?: { transport?: { socket?: Socket } };
}

interface Ping {
  /** So many ticks it has without a sign of life. */
  ticks: number;
  silent: number;
}

export class Life {
  readonly #client: Client;
  readonly #timer: NodeJS.Timeout;
  #socket: Socket | undefined;
  #ping: Ping | undefined;
  /** Bytes that came until the last tick, and that had been sent before the last PING that was answered. */
  #read = 0;
  #arrived = 0;
  #tickedAt = clock.monotonic();

  /** `isUp`: whether there is a connection just now. */
  constructor(client: Client, isUp: () => boolean) {
    this.#client = client;
    // First what waits in the socket is read.
    this.#timer = setInterval(() => setImmediate(() => isUp() && this.#tick()), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const socket = (this.#client as Client & Inside).protocol?.transport?.socket;
    if (socket !== this.#socket) this.#begin(socket);
    const isHeard = socket !== undefined && socket.bytesRead !== this.#read;
    this.#read = socket?.bytesRead ?? 0;
    const isLate = clock.monotonic() - this.#tickedAt > LATE_MS;
    this.#tickedAt = clock.monotonic();
    const ping = this.#ping;
    if (!ping) this.#send();
    else if (!isLate) ping.silent = isHeard ? 0 : ping.silent + 1;
    if (ping && ping.silent >= ping.ticks) this.#giveUp();
  }

  #begin(socket: Socket | undefined): void {
    this.#socket = socket;
    this.#ping = undefined;
    this.#arrived = 0;
  }

  #send(): void {
    const sent = this.#socket?.bytesWritten ?? 0;
    const ticks = 1 + Math.min(Math.floor((sent - this.#arrived) / UPLOAD_BYTES), MOST_UPLOAD_TICKS);
    const ping: Ping = { ticks, silent: 0 };
    this.#ping = ping;
    const answered = () => {
      if (this.#ping !== ping) return;
      this.#ping = undefined;
      this.#arrived = sent;
    };
    // It fails when the connection breaks: then there will be another socket.
    this.#client.flush().then(answered, answered);
  }

  #giveUp(): void {
    this.#ping = undefined;
    // The client would wait until what it has still to send is sent.
    if (this.#socket) this.#socket.destroy();
    else this.#client.reconnect().catch(() => {});
  }
}
