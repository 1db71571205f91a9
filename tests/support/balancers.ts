/** A load balancer for a test, and webservers that are no more than what the test needs of one. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { type Loadbalancer, type LoadbalancerOptions, startLoadbalancer } from "../../apps/loadbalancer/index.ts";
import { eventually, temporaryFolder } from "./nats-server-kit.ts";

const READY_MS = 120_000;
const ANSWER_MS = 60_000;

export interface StandIn {
  server: Server;
  /** `host:port`. */
  address: string;
  /** What its health says besides its name; undefined: it hangs. */
  health: { status: number; body: object } | undefined;
  /** Requests but those for its health. */
  requests: IncomingMessage[];
  close(): void;
}

/** Answers each request with its name, or as `handle` does. */
export async function standIn(
  t: TestContext,
  webserver: string,
  handle: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => void response.end(webserver),
): Promise<StandIn> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    if (request.url === "/api/health") {
      const { health } = made;
      if (health) response.writeHead(health.status).end(JSON.stringify({ webserver, ...health.body }));
      return;
    }
    requests.push(request);
    handle(request, response);
  });
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  const health = { status: 200, body: { ready: true, state: "synced" } };
  const made: StandIn = { server, address: "", health, requests, close };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(close);
  made.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return made;
}

/** Without a datastore, unless the options say otherwise; it is closed with the test. */
export async function balance(t: TestContext, options: Partial<LoadbalancerOptions>): Promise<Loadbalancer> {
  const balancer = await startLoadbalancer({ dir: temporaryFolder(t), port: 0, upstreamTls: false, ...options });
  t.after(() => balancer.close());
  return balancer;
}

/** Of these stand-ins, as fixed webservers. */
export function fixed(standIns: Record<string, StandIn>): NonNullable<LoadbalancerOptions["fixed"]> {
  return Object.entries(standIns).map(([name, { address }]) => ({ name, webserver: address }));
}

/** Waits until exactly these are fit. */
export async function fit(balancer: Loadbalancer, ...names: string[]): Promise<void> {
  const now = () =>
    balancer
      .status()
      .webservers.filter(({ rank }) => rank === "fit")
      .map(({ webserver }) => webserver);
  await eventually(`fit: ${names.join(", ")}`, READY_MS, () => now().join() === names.join());
}

/** Writes bytes, and reads until the other side ends the connection, or `until` matches. */
export async function raw(address: string, text: string, until?: RegExp): Promise<string> {
  const { hostname, port } = new URL(address);
  const socket: Socket = connect({ host: hostname, port: Number(port) });
  let got = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    got += chunk;
    if (until?.test(got)) socket.destroy();
  });
  socket.on("error", () => {});
  socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error("nothing came")));
  socket.write(text, "latin1");
  await once(socket, "close");
  return got;
}
