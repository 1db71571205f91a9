/** One request, sent to one webserver. */
import type { Agent, IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createProxyServer } from "httpxy";
import type { Backend } from "./backend.ts";
import { backward, hasBody } from "./headers.ts";
import { OneConnection } from "./upstream-agent.ts";

/** The webserver may say nothing for so long, ms: its own longest answers, of resources and backups, are given as long. */
const SILENCE_MS = 30 * 60_000;
/** … and so long when it does not answer its balancer either, ms: it hangs, or its machine is gone without a word. */
const SILENT_MS = 10_000;
const REPEATABLE = ["GET", "HEAD", "OPTIONS"];

export interface Outcome {
  /** The client has got its answer, or is gone. */
  answered: boolean;
  error?: Error;
  /** Something of the request may have arrived. */
  sent?: boolean;
  /** It was sent over a connection that lay there: that the webserver had closed it says nothing of how it does. */
  stale?: boolean;
  /** It answered that it is stopping. */
  stopping?: boolean;
}

export interface AttemptOptions {
  /** For the webserver. */
  headers: IncomingHttpHeaders;
  /** Called before the answer's headers are sent. */
  onAnswer(status: number): Record<string, string>;
}

/** Whether it may be sent twice: it changes nothing, and there is no body that is gone. */
export function isRepeatable(request: IncomingMessage): boolean {
  return REPEATABLE.includes(request.method ?? "") && !hasBody(request);
}

/** Sends it, and the answer back as it comes. Never rejects. */
export async function attempt(
  request: IncomingMessage,
  response: ServerResponse,
  backend: Backend,
  { headers, onAnswer }: AttemptOptions,
): Promise<Outcome> {
  const repeatable = isRepeatable(request);
  const outcome: Outcome = { answered: false, sent: false };
  // A connection that lies there may just be closed by the other side: then nobody could say whether this has arrived.
  const agent = repeatable ? backend.agent : await ownConnection(backend).catch((error: Error) => error);
  if (agent instanceof Error) return { ...outcome, error: agent };
  const proxy = createProxyServer({ target: `http://${backend.at}`, agent, selfHandleResponse: true });
  let forget = () => {};
  proxy.on("proxyReq", (outgoing) => {
    outcome.sent = true;
    outcome.stale = outgoing.reusedSocket;
    outgoing.setTimeout(SILENCE_MS, () => outgoing.destroy(new Error(`it said nothing for ${SILENCE_MS / 60_000} minutes`)));
    const cut = () => void outgoing.destroy(new Error("it went down before it answered"));
    const forgets = [backend.whenSilentFor(SILENT_MS, cut), ...(repeatable ? [backend.whenDown(cut)] : [])];
    forget = () => {
      for (const each of forgets) each();
    };
  });
  const answered = new Promise<void>((resolve) => {
    proxy.on("proxyRes", (incoming) => {
      forget();
      const { statusCode = 502 } = incoming;
      if (repeatable && statusCode === 503 && isStopping(incoming)) {
        outcome.stopping = true;
        incoming.resume();
        resolve();
        return;
      }
      outcome.answered = true;
      relay(incoming, response, backend, onAnswer(statusCode));
    });
    // What the library is given it sends as it is.
    request.headers = headers;
    proxy.web(request, response).then(resolve, (error: Error) => {
      outcome.error ??= error;
      resolve();
    });
  });
  await answered;
  forget();
  if (response.destroyed || response.writableEnded) outcome.answered = true;
  return outcome;
}

async function ownConnection(backend: Backend): Promise<Agent> {
  return new OneConnection(await backend.agent.open());
}

/** The webserver ends the connection with its refusal: it closes. */
function isStopping({ headers }: IncomingMessage): boolean {
  return headers.connection?.toLowerCase() === "close";
}

function relay(incoming: IncomingMessage, response: ServerResponse, backend: Backend, own: Record<string, string>): void {
  for (const [name, value] of backward(incoming.headers)) response.setHeader(name, value);
  const { "set-cookie": cookie, ...others } = own;
  if (cookie !== undefined) response.appendHeader("set-cookie", cookie);
  for (const [name, value] of Object.entries(others)) response.setHeader(name, value);
  response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage);
  // Of a stream of events nothing may come for a long time.
  response.flushHeaders();
  if (isEventStream(incoming)) {
    const ended = backend.addStream(() => response.destroy());
    response.once("close", ended);
  }
  incoming.pipe(response);
}

function isEventStream({ headers }: IncomingMessage): boolean {
  return headers["content-type"]?.toLowerCase().startsWith("text/event-stream") === true;
}
