/** A WebSocket through the balancer: its beginning is a request like others, and then bytes go both ways until one side ends it. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { createProxyServer } from "httpxy";
import { FrontsyncError } from "../../bus/index.ts";
import type { Backend } from "./backend.ts";
import { hasBody } from "./headers.ts";
import { OneConnection } from "./upstream-agent.ts";

/** Until the webserver takes it, ms. */
const UPGRADE_MS = 30_000;

/** Throws BAD_MESSAGE for what begins no WebSocket. */
export function checkUpgrade(request: IncomingMessage): void {
  const { method, headers } = request;
  if (method === "GET" && headers.upgrade?.toLowerCase() === "websocket" && !hasBody(request)) return;
  throw new FrontsyncError("BAD_MESSAGE", "There is no upgrade but the one to a WebSocket.");
}

/** Over this connection with the webserver. `failed` is called when that breaks off before it has answered. Resolves when the WebSocket is over. */
export async function carry(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  { backend, connection, headers, failed }: CarryOptions,
): Promise<void> {
  const agent = new OneConnection(connection);
  const proxy = createProxyServer({ target: `http://${backend.at}`, agent, upgradeTimeout: UPGRADE_MS });
  let open = false;
  proxy.on("open", () => {
    open = true;
  });
  // Now, because the library ends the socket next.
  proxy.on("error", (error) => {
    if (!open) failed(error);
  });
  const end = () => {
    connection.destroy();
    socket.destroySoon();
  };
  const ended = backend.addStream(end);
  // Of one side alone nothing more will come.
  socket.once("close", end);
  connection.once("close", end);
  request.headers = headers;
  await proxy.ws(request, socket, {}, head).finally(ended);
}

interface CarryOptions {
  backend: Backend;
  connection: Socket;
  headers: IncomingHttpHeaders;
  failed: (error: Error) => void;
}
