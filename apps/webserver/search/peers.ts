/** Asks the webserver that holds a result for it, in a user's name. The address is the one that the datastore knows of that webserver: nobody who
 *  asks for a result can send this one anywhere else. */
import { once } from "node:events";
import http, { type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import https from "node:https";
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

export interface PeersOptions {
  /** The webservers speak HTTPS. */
  secure: boolean;
  /** Their certificates are not looked at. */
  skipVerify: boolean;
}

export class Peers {
  readonly #bus: Bus;
  readonly #tokens: Tokens;
  readonly #options: PeersOptions;

  constructor(bus: Bus, tokens: Tokens, options: PeersOptions) {
    this.#bus = bus;
    this.#tokens = tokens;
    this.#options = options;
  }

  /** Sends what the webserver that holds a result answers, as it comes. Throws WEBSERVER_UNREACHABLE, and what it refuses. */
  async forward(view: View, doc: Result, uid: number, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { id, webserver } = doc;
    const url = new URL(`/api/peer/results/${encodeURIComponent(id)}/${view}`, this.#baseOf(webserver));
    const headers: OutgoingHttpHeaders = { authorization: `Bearer ${await this.#tokens.signPeer(id, uid)}` };
    for (const name of ASKED) if (request.headers[name] !== undefined) headers[name] = request.headers[name];
    const answer = await this.#ask(url, request.method, headers, reply).catch((cause: unknown) => {
      throw unreachable(webserver, "it does not answer", cause);
    });
    const { statusCode: status } = answer;
    if (status !== 200 && status !== 206) throw await refusal(webserver, answer);
    void reply.code(status);
    for (const name of ANSWERED) if (answer.headers[name] !== undefined) void reply.header(name, answer.headers[name]);
    if (request.method === "HEAD") return await reply.send();
    return await reply.send(answer);
  }

  /** Follows no redirect. Ends when whoever asks is gone. */
  async #ask(url: URL, method: string, headers: OutgoingHttpHeaders, reply: FastifyReply): Promise<IncomingMessage> {
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    const late = setTimeout(() => gone.abort(), ANSWER_MS);
    const { secure, skipVerify } = this.#options;
    const { signal } = gone;
    const asking = secure
      ? https.request(url, { method, headers, signal, rejectUnauthorized: !skipVerify })
      : http.request(url, { method, headers, signal });
    // Once it answers, what breaks it off is told by the answer itself.
    asking.on("error", () => {});
    asking.end();
    try {
      const [answer] = (await once(asking, "response")) as [IncomingMessage];
      return answer;
    } finally {
      clearTimeout(late);
    }
  }

  #baseOf(webserver: string): string {
    const peer = this.#bus.status().peers.find((each) => each.webserver === webserver);
    if (!peer) throw unreachable(webserver, "the datastore has not heard of it lately");
    try {
      const { origin } = new URL(`${this.#options.secure ? "https" : "http"}://${peer.externalAddr.replace(/^https?:\/\//, "")}`);
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
async function refusal(webserver: string, answer: IncomingMessage): Promise<FrontsyncError> {
  try {
    const { code, message } = JSON.parse(await textOf(answer)) as { code: unknown; message: unknown };
    // That it does not take our word is not the user's fault.
    if (typeof code === "string" && isErrorCode(code) && code !== "NOT_LOGGED_IN")
      return new FrontsyncError(code, String(message));
  } catch {
    // said below
  }
  return unreachable(webserver, `it answers with status ${answer.statusCode}`);
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) {
    text += String(chunk);
    if (text.length > MAX_ERROR) throw new Error("too long");
  }
  return text;
}
