// A webserver that writes until it is killed: a bus and some lanes, told by its parent over IPC. It reports the beginning of each write,
// and each acknowledgement before it begins the next one.
import { connectBus } from "../../bus/index.ts";
import { type Acknowledged, writeLane } from "./faults-writer.ts";

export interface WebserverOrder {
  datastore: string;
  webserver: string;
  dir: string;
  everyMs: number;
  /** Lane to the number of its first write: one that was in flight at the kill is written again, under the same mutation id. */
  lanes: Record<string, number>;
}

export type WebserverReport =
  | { caughtUp: number }
  | { start: number; lane: string }
  | { acknowledged: Acknowledged }
  | { retry: string }
  | { failed: string };

function report(message: WebserverReport): Promise<void> {
  return new Promise((resolve, reject) => process.send?.(message, (error: Error | null) => (error ? reject(error) : resolve())));
}

process.once("message", (order: WebserverOrder) => {
  work(order).catch((error: unknown) => report({ failed: String(error) }).finally(() => process.exit(1)));
});
process.on("disconnect", () => process.exit(1));

async function work({ datastore, webserver, dir, everyMs, lanes }: WebserverOrder): Promise<void> {
  const bus = await connectBus({ datastore, webserver, dir, updateInterval: 1 });
  await bus.caughtUp(null, { timeoutMs: 60_000 });
  await report({ caughtUp: bus.status().cursor });
  const { signal } = new AbortController();
  await Promise.all(
    Object.entries(lanes).map(([lane, from]) =>
      writeLane({
        ...{ bus, lane, from, everyMs, signal },
        mutationIdOf: (n) => `user:${lane}:${n}`,
        onStart: (n) => void report({ start: n, lane }),
        onAcknowledged: (acknowledged) => report({ acknowledged }),
        onRetry: (code) => void report({ retry: code }),
      }),
    ),
  );
}
