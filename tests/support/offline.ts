/** Webservers without the datastore for a while, while others go on: each has a gate of its own to it. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";
import type { Bus } from "../../bus/index.ts";
import { eventually } from "./nats-server-kit.ts";

const WAIT_MS = 60_000;

/** Lets through so many bytes a second. */
function paced(bytesPerSecond: number): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      setTimeout(() => done(null, chunk), (chunk.length / bytesPerSecond) * 1000);
    },
  });
}

export interface GateOptions {
  /** Each way of each connection; default as fast as can be. */
  bytesPerSecond?: number;
  /** Who sends this is cut off. */
  cutAt?: string;
}

/** A TCP proxy that can be shut: then nobody gets through, and who was through is cut off. */
export class Gate implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #options: GateOptions;
  #open = true;
  /** How many came. */
  connections = 0;
  /** How many were cut because of what they sent. */
  cuts = 0;

  private constructor(server: Server, options: GateOptions) {
    this.#server = server;
    this.#options = options;
  }

  static async to(address: string, options: GateOptions = {}): Promise<Gate> {
    const [host = "", port = ""] = address.split(":");
    const server = createServer();
    const gate = new Gate(server, options);
    server.on("connection", (socket) => gate.#pass(socket, connect(Number(port), host)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return gate;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #send(chunk: Buffer, cutAt: string, from: Socket, to: Socket): void {
    if (!chunk.includes(cutAt)) return void to.write(chunk);
    this.cuts++;
    from.destroy();
  }

  shut(): void {
    this.#open = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  open(): void {
    this.#open = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.shut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #pass(a: Socket, b: Socket): void {
    this.connections++;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      const { bytesPerSecond, cutAt } = this.#options;
      if (bytesPerSecond !== undefined) from.pipe(paced(bytesPerSecond)).pipe(to);
      else if (cutAt !== undefined && from === a) from.on("data", (chunk) => this.#send(chunk, cutAt, from, to));
      else from.pipe(to);
    }
    if (!this.#open) this.shut();
  }
}

/** Shuts the gate while `work` is done. */
export async function offline<T>(bus: Bus, gate: Gate, work: () => Promise<T>): Promise<T> {
  gate.shut();
  await eventually("it is degraded", WAIT_MS, () => bus.status().state === "degraded");
  try {
    return await work();
  } finally {
    gate.open();
  }
}

/** Until all of them have sent what they had, and hold what there is. */
export async function allCaughtUp(buses: readonly Bus[]): Promise<void> {
  for (const bus of buses) await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  const heads = buses.map((bus) => bus.status().head ?? 0);
  await Promise.all(buses.map((bus) => bus.caughtUp(Math.max(...heads), { timeoutMs: WAIT_MS })));
}
