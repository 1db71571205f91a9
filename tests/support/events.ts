/** Server-sent events, as a client of /api/events reads them. */
import { eventually } from "./nats-server-kit.ts";
import type { Client } from "./webservers.ts";

export interface Sent {
  event: string;
  id: string | undefined;
  data: Record<string, unknown>;
}

/** One client's stream, read as it comes. */
export class Listening implements AsyncDisposable {
  readonly status: number;
  readonly headers: Headers;
  readonly sent: Sent[] = [];
  /** ms that the client is to wait before it comes again. */
  retry: number | undefined;
  /** undefined: it goes on. */
  ended: "ended" | "cut" | undefined;
  readonly #stop: AbortController;

  private constructor(response: Response, stop: AbortController) {
    [this.status, this.headers, this.#stop] = [response.status, response.headers, stop];
    void this.#read(response);
  }

  static async to(server: { address: string }, client: Client, headers: Record<string, string> = {}): Promise<Listening> {
    const stop = new AbortController();
    const asked = { headers: { ...client.headers, ...headers }, signal: stop.signal };
    return new Listening(await fetch(`${server.address}/api/events`, asked), stop);
  }

  /** The first event of this kind that fits, also one that has come already. */
  async heard(what: string, fits: (sent: Sent) => boolean, withinMs = 60_000): Promise<Sent> {
    return await eventually(what, withinMs, () => this.sent.find(fits));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
  }

  async #read(response: Response): Promise<void> {
    let text = "";
    try {
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        text += Buffer.from(chunk).toString();
        const blocks = text.split("\n\n");
        text = blocks.pop() ?? "";
        for (const block of blocks) this.#take(block);
      }
      this.ended = "ended";
    } catch {
      this.ended = "cut";
    }
  }

  #take(block: string): void {
    const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/, 2)));
    if (fields.retry !== undefined) this.retry = Number(fields.retry);
    if (fields.event !== undefined)
      this.sent.push({ event: fields.event, id: fields.id, data: JSON.parse(fields.data ?? "null") as Sent["data"] });
  }
}
