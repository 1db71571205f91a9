/** Hears what webservers ask of the functions, from within the functions' account. */
import { connectFunctions, type Place } from "./faults-ledger.ts";

export interface Heard {
  /** `put`, `changes`, … */
  verb: string;
  webserver: string;
  body: Record<string, unknown>;
}

export interface Spy extends AsyncDisposable {
  readonly requests: readonly Heard[];
  /** Resolves when every request that was answered by now has been heard. */
  settle(): Promise<void>;
}

/** Every request from now on, until the end of the block. While it listens, NATS does not say that nobody serves a request. */
export async function hearRequests(deployment: Place): Promise<Spy> {
  const connection = await connectFunctions(deployment);
  const requests: Heard[] = [];
  connection.subscribe("ds.req.>", ({ subject, data }) => {
    const [, , , verb = "", webserver = ""] = subject.split(".");
    requests.push({ verb, webserver, body: JSON.parse(Buffer.from(data).toString()) as Record<string, unknown> });
  });
  await connection.flush();
  return { requests, settle: () => connection.flush(), [Symbol.asyncDispose]: () => connection.close() };
}
