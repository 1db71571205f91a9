// A webserver in a process of its own that uploads one content, or fetches what there is, told by its parent over IPC: for tests that kill it, and
// for those that look at its memory.
import { setTimeout as sleep } from "node:timers/promises";
import { type Bus, connectBus } from "../../bus/index.ts";
import { content } from "./contents.ts";

const MB = 1024 * 1024;
const SLOWLY_MB = 3;

export interface ResourcesOrder {
  datastore: string;
  webserver: string;
  dir: string;
  /** Sizes of what is to be uploaded, one after the other, those in a list at once; without them contents are fetched. */
  upload?: readonly (number | readonly number[])[];
  /** The size of a content of which a part is read at 1 MB a second, when it is here. */
  slowly?: number;
  /** The size of a content in whose middle it dies by kill -9. */
  dies?: number;
  /** In the ids of what is uploaded; it does not wait for the datastore then. */
  offline?: string;
}

export type ResourcesReport =
  | { uploaded: string; sha256: string; mutationId: string; revision: number | null }
  | { done: number; size: number; direction: "up" | "down" }
  | { idle: true }
  | { slowly: number }
  | { failed: string };

const report = (message: ResourcesReport) => process.send?.(message);

process.once("message", (order: ResourcesOrder) => {
  work(order).catch((error: unknown) => {
    report({ failed: String(error) });
    process.exit(1);
  });
});
process.on("disconnect", () => process.exit(1));

async function work({ datastore, webserver, dir, upload, offline, slowly, dies }: ResourcesOrder): Promise<void> {
  const bus = await connectBus({ datastore, webserver, dir, updateInterval: 1 });
  bus.transfers.onProgress(({ id, done, size, direction }) => {
    report({ done, size, direction });
    if (size === dies && done >= size / 2) process.kill(process.pid, "SIGKILL");
    if (size === slowly && done === size) void readSlowly(bus, id);
  });
  if (offline === undefined) await bus.caughtUp(null, { timeoutMs: 60_000 });
  let n = 0;
  const put = async (size: number) => {
    const at = n++;
    const id = `${offline ?? "upload"}-${at}`;
    const { sha256, mutationId, revision } = await bus.resources.upload(content(size, size + at), { name: id }, { id });
    report({ uploaded: id, sha256, mutationId, revision });
  };
  for (const sizes of upload ?? []) await Promise.all([sizes].flat().map(put));
  const look = setInterval(() => {
    const { fetching, waiting } = bus.transfers.status();
    if (fetching + waiting > 0) return;
    clearInterval(look);
    report({ idle: true });
  }, 50);
}

async function readSlowly(bus: Bus, id: string): Promise<void> {
  let read = 0;
  for await (const bytes of await bus.resources.open(id)) {
    read += (bytes as Buffer).length;
    // The pace is what is tested.
    await sleep(((bytes as Buffer).length / MB) * 1000);
    if (read >= SLOWLY_MB * MB) break;
  }
  report({ slowly: read });
}
