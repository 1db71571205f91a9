/** Opening a result, wherever it is: what is here is read from the disk, what is elsewhere comes from the webserver that holds it. Who may open
 *  it is asked of its document, on both. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type Bus, FrontsyncError, type Result } from "../../../bus/index.ts";
import { rangeOf } from "../routes/range.ts";
import type { Peers } from "./peers.ts";
import type { Searches } from "./searches.ts";
import type { ResultStore } from "./store.ts";

const PROGRESS_MS = 250;

export interface ResultsParts {
  bus: Bus;
  webserver: string;
  store: ResultStore;
  searches: Searches;
  peers: Peers;
  fresh(): Promise<void>;
}

/** What can be opened of a result: its lines, as NDJSON; its progress, as server-sent events. */
export type View = "lines" | "progress";

export class Results {
  readonly #parts: ResultsParts;

  constructor(parts: ResultsParts) {
    this.#parts = parts;
  }

  /** The document of a result that a user may see. Throws NOT_FOUND. */
  async visible(uid: number, id: string): Promise<Result> {
    const { bus, fresh } = this.#parts;
    const look = async () => (await bus.asUser(uid).collection("results").get(id))?.doc;
    let doc = await look();
    if (!doc) {
      // It may have been made a moment ago, on another webserver.
      await fresh();
      doc = await look();
    }
    if (doc) return doc;
    throw new FrontsyncError("NOT_FOUND", "There is no such result, or you may not see it.");
  }

  /** For a user of this webserver. */
  async open(view: View, uid: number, id: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const doc = await this.visible(uid, id);
    if (doc.webserver === this.#parts.webserver) return await this.#send(view, doc, request, reply);
    return await this.#parts.peers.forward(view, doc, uid, request, reply);
  }

  /** For another webserver, which asks for a user of its own: only what is here. */
  async openHere(view: View, uid: number, id: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const doc = await this.visible(uid, id);
    if (doc.webserver === this.#parts.webserver) return await this.#send(view, doc, request, reply);
    throw new FrontsyncError("NOT_FOUND", "This webserver does not hold that result.");
  }

  async #send(view: View, doc: Result, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (view === "lines") return await this.#sendLines(doc.id, request, reply);
    return await reply.type("text/event-stream").send(Readable.from(this.#progress(doc)));
  }

  /** Bytes that are there do not change any more, also while more come: so a range is always of the same result. */
  async #sendLines(id: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { store } = this.#parts;
    if (!store.holds(id))
      throw new FrontsyncError("CONTENT_MISSING", "The lines of this result are not on this webserver any more: search again.");
    const [size, etag] = [await store.bytesOf(id), `"${id}"`];
    void reply.headers({ etag, "accept-ranges": "bytes", "content-type": "application/x-ndjson" });
    let range: ReturnType<typeof rangeOf>;
    try {
      range = rangeOf(request.headers, size, etag);
    } catch (error) {
      void reply.header("content-range", `bytes */${size}`);
      throw error;
    }
    const { start, end } = range ?? { start: 0, end: size - 1 };
    if (range) void reply.code(206).header("content-range", `bytes ${start}-${end}/${size}`);
    void reply.header("content-length", end - start + 1);
    if (request.method === "HEAD") return await reply.send();
    if (size === 0) return await reply.send("");
    return await reply.send(createReadStream(store.fileOf(id), { start, end }));
  }

  async *#progress(doc: Result): AsyncGenerator<string, void> {
    const { bus, searches } = this.#parts;
    for (let last = ""; ; await sleep(PROGRESS_MS)) {
      const now = (await bus.collection("results").get(doc.id))?.doc;
      if (!now) return;
      const progress = searches.progressOf(doc.id, now);
      const text = `data: ${JSON.stringify(progress)}\n\n`;
      // Something is sent each time: whoever is in between would close a connection on which nothing happens.
      yield text === last ? ": \n\n" : text;
      last = text;
      if (progress.state !== "running") return;
    }
  }
}
