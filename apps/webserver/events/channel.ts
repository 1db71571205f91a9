/** One stream of server-sent events to one client: what is written, and how much may wait for a client that reads slowly. */
import { once } from "node:events";
import { PassThrough, type Readable } from "node:stream";

/** Bytes that wait for the client before whoever can wait does. */
const HIGH_WATER = 16 * 1024;

export interface ChannelLimits {
  /** Bytes that may wait; then the client is cut off. */
  maxBytes: number;
  /** A client that has read nothing for so long, while something waited, is cut off, ms. */
  slowMs: number;
}

export class Channel {
  readonly #body = new PassThrough({ highWaterMark: HIGH_WATER });
  readonly #limits: ChannelLimits;
  readonly #over = new AbortController();

  constructor(limits: ChannelLimits) {
    this.#limits = limits;
    this.#body.once("close", () => this.#over.abort());
    this.#body.on("error", () => {});
  }

  /** What the client is sent. */
  get body(): Readable {
    return this.#body;
  }

  /** Aborts when it is over, from whichever side. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Browsers wait so long before they come again, ms. */
  retry(ms: number): void {
    this.#write(`retry: ${ms}\n\n`);
  }

  /** Says nothing; but a connection on which nothing happens is closed by whoever is in between. */
  ping(): void {
    this.#write(": \n\n");
  }

  /** `id`: where the client stands once it has this. */
  send(event: string, data: object, id?: number): void {
    this.#write(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** Until the client has read what waited; one that does not is cut off. */
  async ready(): Promise<void> {
    if (!this.#body.writableNeedDrain) return;
    const slow = setTimeout(() => this.cut(), this.#limits.slowMs);
    try {
      await once(this.#body, "drain", { signal: this.over });
    } catch {
      // It is over.
    } finally {
      clearTimeout(slow);
    }
  }

  /** Ends it as answers end. */
  end(): void {
    this.#body.end();
    this.#over.abort();
  }

  /** Ends it in the middle: the client comes again, and is told where it then stands. */
  cut(): void {
    this.#body.destroy(new Error("The client does not read."));
    this.#over.abort();
  }

  #write(text: string): void {
    if (this.over.aborted) return;
    this.#body.write(text);
    if (this.#body.writableLength + this.#body.readableLength > this.#limits.maxBytes) this.cut();
  }
}
