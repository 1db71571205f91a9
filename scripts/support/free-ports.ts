/** Ports of this machine that nobody listens on. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";

const HOST = "127.0.0.1";

/** The wanted ones, as far as they are free; else any others. They may be taken again before they are used. */
export async function freePorts(wanted: readonly number[]): Promise<number[]> {
  const servers: Server[] = [];
  try {
    // All at once, so that they are different ones.
    for (const port of wanted) servers.push(await listening(port).catch(() => listening(0)));
    return servers.map((server) => (server.address() as AddressInfo).port);
  } finally {
    for (const server of servers) server.close();
  }
}

async function listening(port: number): Promise<Server> {
  const server = createServer().listen(port, HOST);
  await once(server, "listening");
  return server;
}
