import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Bus, connectBus } from "../../bus/index.ts";
import type { Place } from "../client.ts";
import type { Pipeline } from "../pipeline.ts";

const SETTLE_MS = 60_000;

/** A and B: two webservers' buses, each with its own replica. */
export async function openFrontsyncPipeline({ address, dir }: Place): Promise<Pipeline> {
  await mkdir(dir, { recursive: true });
  const [a, b] = await Promise.all(
    ["a", "b"].map((name) => connectBus({ datastore: address, webserver: name, dir: join(dir, name) })),
  );
  if (!a || !b) throw new Error("two buses were asked for");
  await Promise.all([a.caughtUp(), b.caughtUp()]);
  const [sender, receiver] = [a.collection("dashboards"), b.collection("dashboards")];
  const watch = watcher(b);
  let last = 0;
  return {
    async put(doc) {
      const { revision } = await sender.put(doc);
      if (revision === null) throw new Error(`${doc.id} was queued, not stored`);
      last = Math.max(last, revision);
    },
    watch: watch.begin,
    arrival: async (id) => {
      await watch.noticed(id);
      if ((await receiver.get(id)) === undefined) throw new Error(`${id} was noticed and is not there`);
    },
    unwatch: watch.end,
    async settled() {
      await b.caughtUp(last, { timeoutMs: SETTLE_MS });
    },
  };
}

/** Notices documents on a bus by its changes(). Polling with get() would take the time of the thread that is measured. */
function watcher(bus: Bus): { begin(): Promise<void>; noticed(id: string): Promise<void>; end(): Promise<void> } {
  const waiting = new Map<string, () => void>();
  let stop = new AbortController();
  let reading: Promise<void> = Promise.resolve();
  const read = async (signal: AbortSignal) => {
    try {
      for await (const { id } of bus.collection("dashboards").changes({ signal })) {
        waiting.get(id)?.();
        waiting.delete(id);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
  return {
    async begin() {
      stop = new AbortController();
      reading = read(stop.signal);
    },
    noticed: (id) => new Promise((resolve) => waiting.set(id, resolve)),
    async end() {
      stop.abort();
      await reading;
    },
  };
}
