/** A port of this machine that nobody listens on. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

const HOST = "127.0.0.1";

/** `wanted`, when it is free; else any other one. It may be taken again before it is used. */
export async function freePort(wanted: number): Promise<number> {
  const server = createServer();
  try {
    server.listen(wanted, HOST);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  } catch (error) {
    if (wanted === 0) throw error;
    return await freePort(0);
  } finally {
    server.close();
  }
}
