/** Asks the webserver that holds a result for it, in a user's name. The address is the one that the datastore knows of that webserver: nobody who
 *  asks for a result can send this one anywhere else. */
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type Bus, FrontsyncError, isErrorCode, type Result } from "../../../bus/index.ts";
import type { Tokens } from "../sessions/tokens.ts";
import type { View } from "./results.ts";

/** Until the other webserver begins to answer. */
const ANSWER_MS = 10_000;
const MAX_ERROR = 64 * 1024;
/** Sent on to it, and back from it. */
const ASKED = ["range", "if-range"];
const ANSWERED = ["content-type", "content-length", "content-range", "accept-ranges", "etag"];

export class Peers {
  readonly #bus: Bus;
  readonly #tokens: Tokens;
  readonly #scheme: "http" | "https";

  /** `secure`: the webservers speak HTTPS. */
  constructor(bus: Bus, tokens: Tokens, secure: boolean) {
    this.#bus = bus;
    this.#tokens = tokens;
    this.#scheme = secure ? "https" : "http";
  }

  /** Sends what the webserver that holds a result answers, as it comes. Throws WEBSERVER_UNREACHABLE, and what it refuses. */
  async forward(view: View, doc: Result, uid: number, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { id, webserver } = doc;
    const url = new URL(`/api/peer/results/${encodeURIComponent(id)}/${view}`, this.#baseOf(webserver));
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    const late = setTimeout(() => gone.abort(), ANSWER_MS);
    const headers = new Headers({
      authorization: `Bearer ${await this.#tokens.signPeer(id, uid)}`,
      "accept-encoding": "identity",
    });
    for (const name of ASKED) {
      const value = request.headers[name];
      if (typeof value === "string") headers.set(name, value);
    }
    let answer: Response;
    try {
      answer = await fetch(url, { headers, redirect: "error", signal: gone.signal });
    } catch (cause) {
      throw unreachable(webserver, "it does not answer", cause);
    } finally {
      clearTimeout(late);
    }
    const { status, body } = answer;
    if (status !== 200 && status !== 206) throw await refusal(webserver, answer);
    void reply.code(status);
    for (const name of ANSWERED) {
      const value = answer.headers.get(name);
      if (value !== null) void reply.header(name, value);
    }
    return await reply.send(body ? Readable.fromWeb(body as ReadableStream) : "");
  }

  #baseOf(webserver: string): string {
    const peer = this.#bus.status().peers.find((each) => each.webserver === webserver);
    if (!peer) throw unreachable(webserver, "the datastore has not heard of it lately");
    try {
      const { origin } = new URL(`${this.#scheme}://${peer.externalAddr.replace(/^https?:\/\//, "")}`);
      return origin;
    } catch (cause) {
      throw unreachable(webserver, "its External-Addr is no address", cause);
    }
  }
}

function unreachable(webserver: string, why: string, cause?: unknown): FrontsyncError {
  const text = `The webserver '${webserver}', which holds this result, can't be reached: ${why}. The result is safe there; try again when it is back.`;
  return new FrontsyncError("WEBSERVER_UNREACHABLE", text, { cause });
}

/** What the other webserver says; without a word of it when it does not speak as ours do. */
async function refusal(webserver: string, answer: Response): Promise<FrontsyncError> {
  const text = Number(answer.headers.get("content-length") ?? 0) <= MAX_ERROR ? await answer.text().catch(() => "") : "";
  try {
    const { code, message } = JSON.parse(text) as { code: unknown; message: unknown };
    // That it does not take our word is not the user's fault.
    if (typeof code === "string" && isErrorCode(code) && code !== "NOT_LOGGED_IN")
      return new FrontsyncError(code, String(message));
  } catch {
    // said below
  }
  return unreachable(webserver, `it answers with status ${answer.status}`);
}
