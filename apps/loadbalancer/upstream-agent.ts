/** The connections to one webserver. */
import { Agent, type ClientRequestArgs } from "node:http";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { FrontsyncError } from "../../bus/index.ts";
import { type Address, formatAddress } from "./address.ts";

/** How the webservers' certificates are looked at. */
export interface UpstreamTls {
  /** Certificates (PEM) of those who may have signed them; default: those that Node knows. */
  ca?: string;
  /** Any will do. */
  skipVerify?: boolean;
}

/** Until there is a connection, TLS and all. */
const CONNECT_MS = 3000;
/** Connections that wait for the next request. */
const MAX_FREE = 256;
/** What lies unused for long is closed before the webserver does it under a request. */
const FREE_MS = 30_000;

type Opened = (error: Error | null, socket: Duplex) => void;

/** A request gets its socket when that is connected: one that could not be has sent nothing, and may be sent elsewhere. Whom it
 *  connects to, and whose certificate it wants, no request decides. */
export class UpstreamAgent extends Agent {
  readonly #address: Address;
  readonly #tls: UpstreamTls | undefined;

  constructor(address: Address, tls: UpstreamTls | undefined) {
    super({ keepAlive: true, maxFreeSockets: MAX_FREE, timeout: FREE_MS });
    this.#address = address;
    this.#tls = tls;
  }

  override createConnection(_options: ClientRequestArgs, opened?: Opened): undefined {
    this.open().then(
      (socket) => opened?.(null, socket),
      (error: Error) => opened?.(error, undefined as unknown as Duplex),
    );
  }

  /** Closes the connections that nobody uses now. */
  dropIdle(): void {
    for (const sockets of Object.values(this.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  /** One pool: the Host of a request makes no other connection. */
  override getName(): string {
    return "";
  }

  /** A connection of its own. Rejects after 3 s. */
  open(): Promise<Socket> {
    const { host, port } = this.#address;
    const socket = this.#tls
      ? connectTls({
          ...{ host, port, servername: isIP(host) ? "" : host, rejectUnauthorized: this.#tls.skipVerify !== true },
          ...(this.#tls.ca !== undefined && { ca: this.#tls.ca }),
        })
      : connectTcp({ host, port });
    socket.setNoDelay(true);
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        clearTimeout(timer);
        socket.destroy();
        reject(error);
      };
      const late = new FrontsyncError("TIMEOUT", `No connection with ${formatAddress(this.#address)} within ${CONNECT_MS} ms.`);
      const timer = setTimeout(() => fail(late), CONNECT_MS);
      socket.once("error", fail);
      socket.once(this.#tls ? "secureConnect" : "connect", () => {
        clearTimeout(timer);
        socket.off("error", fail);
        resolve(socket);
      });
    });
  }
}

/** For one request on a connection that is there already. */
export class OneConnection extends Agent {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
  }

  override createConnection(): Duplex {
    return this.#socket;
  }
}
