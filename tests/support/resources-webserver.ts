// A webserver in a process of its own that uploads one content, or fetches what there is, told by its parent over IPC: for tests that kill it, and
// for those that look at its memory.
import { connectBus } from "../../bus/index.ts";
import { content } from "./contents.ts";

export interface ResourcesOrder {
  datastore: string;
  webserver: string;
  dir: string;
  /** Sizes of what is to be uploaded, one after the other; without them contents are fetched. */
  upload?: readonly number[];
  /** In the ids of what is uploaded; it does not wait for the datastore then. */
  offline?: string;
}

export type ResourcesReport =
  | { uploaded: string; sha256: string; mutationId: string; revision: number | null }
  | { done: number; size: number; direction: "up" | "down" }
  | { idle: true }
  | { failed: string };

const report = (message: ResourcesReport) => process.send?.(message);

process.once("message", (order: ResourcesOrder) => {
  work(order).catch((error: unknown) => {
    report({ failed: String(error) });
    process.exit(1);
  });
});
process.on("disconnect", () => process.exit(1));

async function work({ datastore, webserver, dir, upload, offline }: ResourcesOrder): Promise<void> {
  const bus = await connectBus({ datastore, webserver, dir, updateInterval: 1 });
  bus.transfers.onProgress(({ done, size, direction }) => report({ done, size, direction }));
  if (offline === undefined) await bus.caughtUp();
  for (const [n, size] of (upload ?? []).entries()) {
    const id = `${offline ?? "upload"}-${n}`;
    const { sha256, mutationId, revision } = await bus.resources.upload(content(size, size + n), { name: id }, { id });
    report({ uploaded: id, sha256, mutationId, revision });
  }
  const look = setInterval(() => {
    const { fetching, waiting } = bus.transfers.status();
    if (fetching + waiting > 0) return;
    clearInterval(look);
    report({ idle: true });
  }, 50);
}
