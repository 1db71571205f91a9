/** Hears what webservers ask of the functions, from within the functions' account. */
import { connectFunctions, type Place } from "./faults-ledger.ts";

export interface Heard {
  /** `put`, `changes`, … */
  verb: string;
  webserver: string;
  body: Record<string, unknown>;
}

/** Every request from now on, until the end of the block. While it listens, NATS does not say that nobody serves a request. */
export async function hearRequests(deployment: Place): Promise<AsyncDisposable & { requests: Heard[] }> {
  const connection = await connectFunctions(deployment);
  const requests: Heard[] = [];
  connection.subscribe("ds.req.>", ({ subject, data }) => {
    const [, , , verb = "", webserver = ""] = subject.split(".");
    requests.push({ verb, webserver, body: JSON.parse(Buffer.from(data).toString()) as Record<string, unknown> });
  });
  await connection.flush();
  return { requests, [Symbol.asyncDispose]: () => connection.close() };
}
