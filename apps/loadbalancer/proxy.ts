/** The way of a request: it is looked at, a webserver is chosen, and when that fails another one. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { clock, FrontsyncError, log } from "../../bus/index.ts";
import { refuse, refuseUpgrade } from "../http/answers.ts";
import { checkRequest } from "../http/request.ts";
import { attempt, isRepeatable, type Outcome } from "./attempt.ts";
import type { Backend } from "./backend.ts";
import { choose } from "./choose.ts";
import { type From, hopsOf, onward } from "./headers.ts";
import { whyOf } from "./probe.ts";
import type { Roster } from "./roster.ts";
import type { Kept, Stickiness } from "./stickiness.ts";
import { addressOf } from "./trust.ts";
import { carry, checkUpgrade } from "./websocket.ts";

/** Webservers that one request is sent to, one after the other. */
const TRIES = 4;
/** On a request and its answer: of each try there are two, which stay to the end, beside those of Node and of what is relayed. */
const MAX_LISTENERS = 10 + 2 * TRIES;

export interface ProxyParts {
  roster: Roster;
  stickiness: Stickiness;
  /** This balancer, in Via. */
  via: string;
  trusts: (address: string) => boolean;
  accessLog: boolean;
}

interface Looked {
  from: From;
  /** Load balancers in front. */
  level: number;
  kept: Kept | undefined;
}

export class ReverseProxy {
  readonly #parts: ProxyParts;
  readonly #access = log.child({ part: "access" }, { level: "info" });

  constructor(parts: ProxyParts) {
    this.#parts = parts;
  }

  /** Answers it in the end, whatever happens. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const each of [request, response]) each.setMaxListeners(MAX_LISTENERS);
    const started = clock.monotonic();
    const told = { method: request.method, path: request.url?.split("?", 1)[0]?.slice(0, 200), webserver: "" };
    if (this.#parts.accessLog)
      response.once("close", () =>
        this.#access.info(
          {
            ...told,
            status: response.statusCode,
            ms: Math.round(clock.monotonic() - started),
            address: addressOf(request.socket),
          },
          "request",
        ),
      );
    try {
      told.webserver = await this.#serve(request, response, this.#look(request));
    } catch (error) {
      refuse(request, response, error);
    }
  }

  /** The same for a WebSocket. */
  async upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    // Before anything can go wrong with it.
    socket.on("error", () => socket.destroy());
    try {
      checkUpgrade(request);
      await this.#upgrade(request, socket, head, this.#look(request));
    } catch (error) {
      refuseUpgrade(request, socket, error);
    }
  }

  /** Throws BAD_MESSAGE, LOOP_DETECTED. */
  #look(request: IncomingMessage): Looked {
    const { via, trusts, stickiness } = this.#parts;
    checkRequest(request);
    const level = hopsOf(request, via);
    const address = addressOf(request.socket);
    const secure = (request.socket as Partial<TLSSocket>).encrypted === true;
    return { level, from: { address, secure, trusted: trusts(address) }, kept: stickiness.read(request.headers.cookie, level) };
  }

  /** The name of the webserver that has answered. */
  async #serve(request: IncomingMessage, response: ServerResponse, { from, level, kept }: Looked): Promise<string> {
    const { roster, via } = this.#parts;
    const headers = onward(request, from, via);
    const tried = new Set<Backend>();
    let last: Outcome | undefined;
    for (let tries = 0; tries < TRIES; tries++) {
      const backend = choose(roster.backends, kept?.mark, tried);
      if (!backend) break;
      backend.active++;
      backend.counts.requests++;
      backend.lastChosen = clock.monotonic();
      const onAnswer = () => this.#cookie(backend, kept, from, level);
      last = await attempt(request, response, backend, { headers, onAnswer }).finally(() => backend.active--);
      if (last.answered) return backend.name;
      // Node refuses to send it on: no webserver has anything to do with it.
      if (last.error instanceof TypeError)
        throw new FrontsyncError("BAD_MESSAGE", "This request can't be sent on.", { cause: last.error });
      this.#blame(backend, last);
      if (!last.stale) tried.add(backend);
      if (last.sent && !isRepeatable(request)) break;
    }
    throw fault(request, last);
  }

  async #upgrade(request: IncomingMessage, socket: Socket, head: Buffer, { from, kept }: Looked): Promise<void> {
    const { roster, via } = this.#parts;
    const headers = onward(request, from, via, true);
    const tried = new Set<Backend>();
    for (let tries = 0; tries < TRIES; tries++) {
      const backend = choose(roster.backends, kept?.mark, tried);
      if (!backend) break;
      tried.add(backend);
      const connection = await backend.agent.open().catch((error: unknown) => roster.failed(backend, whyOf(error)));
      if (!connection) continue;
      backend.active++;
      backend.counts.requests++;
      const failed = (cause: Error) => {
        const text = `The webserver did not take the WebSocket: ${whyOf(cause)}.`;
        refuseUpgrade(request, socket, new FrontsyncError("WEBSERVER_UNREACHABLE", text, { cause }));
      };
      return await carry(request, socket, head, { backend, connection, headers, failed }).finally(() => backend.active--);
    }
    throw fault(request, undefined);
  }

  #cookie(backend: Backend, kept: Kept | undefined, { secure }: From, level: number): Record<string, string> {
    if (kept?.mark === backend.mark && !kept.ages) return {};
    return { "set-cookie": this.#parts.stickiness.write(backend.name, { secure, level }) };
  }

  /** A webserver that fails a request gets no more until it answers again. */
  #blame(backend: Backend, { error, stale, stopping }: Outcome): void {
    if (stale && error) return;
    this.#parts.roster.failed(backend, stopping ? "it is stopping" : whyOf(error));
  }
}

/** Why there is no answer. */
function fault(request: IncomingMessage, last: Outcome | undefined): FrontsyncError {
  if (last?.sent && !isRepeatable(request)) {
    const text = `The webserver broke off before it had answered this ${request.method}: it may have been done. Look before you send it again.`;
    return new FrontsyncError("OUTCOME_UNKNOWN", text, { cause: last.error });
  }
  const text = "No webserver can be reached at the moment. Please try again in a few seconds.";
  return new FrontsyncError("NO_WEBSERVER", text, { cause: last?.error });
}
