/** A small TCP proxy between one webserver and nats-server: its lines can be cut, in both ways or in one. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** What is held back in one direction: beyond this the connection ends. */
const MAX_HELD_BYTES = 16 * 1024 * 1024;

export type Direction = "out" | "in";

interface Line {
  /** The webserver's end and the server's. */
  near: Socket;
  far: Socket;
  held: Record<Direction, Buffer[]>;
}

export class CutProxy {
  readonly #server: Server;
  readonly #lines = new Set<Line>();
  readonly #target: () => number;
  #refuses = false;
  #holds: Direction | undefined;
  /** Since it was started. */
  connections = 0;
  cut = 0;
  heldBytes = 0;

  private constructor(target: () => number) {
    this.#target = target;
    this.#server = createServer((near) => this.#accept(near));
  }

  /** `target`: the port on 127.0.0.1 that it leads to. */
  static async start(target: () => number): Promise<CutProxy> {
    const proxy = new CutProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Ends every connection, and takes none until `mend`. */
  refuse(): void {
    this.#refuses = true;
    for (const line of [...this.#lines]) this.#end(line);
  }

  /** Bytes in one direction get no further, while the other goes on; until `mend`. */
  hold(direction: Direction): void {
    this.#holds = direction;
  }

  /** All is well again. What was held back arrives late, or is thrown away, and the connection with it. */
  mend(arrives: boolean): void {
    const direction = this.#holds;
    this.#refuses = false;
    this.#holds = undefined;
    for (const line of [...this.#lines]) {
      if (direction === undefined || line.held[direction].length === 0) continue;
      if (!arrives) this.#end(line);
      else for (const bytes of line.held[direction].splice(0)) (direction === "out" ? line.far : line.near).write(bytes);
    }
  }

  async stop(): Promise<void> {
    this.refuse();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(near: Socket): void {
    if (this.#refuses) {
      this.cut++;
      near.destroy();
      return;
    }
    this.connections++;
    const far = connect(this.#target(), "127.0.0.1");
    const line: Line = { near, far, held: { out: [], in: [] } };
    this.#lines.add(line);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => this.#end(line));
    }
    near.on("data", (bytes) => this.#pass(line, "out", bytes));
    far.on("data", (bytes) => this.#pass(line, "in", bytes));
  }

  #pass(line: Line, direction: Direction, bytes: Buffer): void {
    const to = direction === "out" ? line.far : line.near;
    if (this.#holds !== direction) {
      to.write(bytes);
      return;
    }
    line.held[direction].push(bytes);
    this.heldBytes += bytes.length;
    if (line.held[direction].reduce((sum, { length }) => sum + length, 0) > MAX_HELD_BYTES) this.#end(line);
  }

  #end(line: Line): void {
    if (!this.#lines.delete(line)) return;
    this.cut++;
    line.near.destroy();
    line.far.destroy();
  }
}
