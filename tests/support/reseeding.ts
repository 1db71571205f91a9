/** A deployment whose store gets lost, put back or exchanged, while its webservers come and go. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Bus, type BusOptions, connectBus } from "../../bus/index.ts";
import type { DatastoreOptions } from "../../functions/datastore.ts";
import { patient } from "./deployment.ts";
import { ReplaceableStore } from "./faults-stores.ts";
import { eventually, temporaryFolder } from "./nats-server-kit.ts";

export interface Reseeding {
  dir: string;
  store: ReplaceableStore;
  /** Opens a webserver, or again the one that was closed; it may be without a datastore. */
  open(webserver: string, options?: Partial<BusOptions>): Promise<Bus>;
  /** While it is stopped: the store is gone, and, unless `keys`, the functions' keys with it. */
  wipe(options?: { keys: boolean }): Promise<void>;
}

export async function reseeding(
  t: TestContext,
  play: (scene: Reseeding) => Promise<void>,
  options: Partial<DatastoreOptions> = {},
): Promise<void> {
  const dir = temporaryFolder(t);
  await using store = new ReplaceableStore(dir, { sync: "default", ...options });
  const { address } = await store.start();
  const buses: Bus[] = [];
  try {
    await play({
      dir,
      store,
      async open(webserver, own = {}) {
        const bus = await connectBus({
          datastore: address,
          webserver,
          dir: join(dir, webserver),
          externalAddr: `${webserver}.test:443`,
          updateInterval: 0.3,
          ...own,
        });
        buses.push(bus);
        return patient(bus);
      },
      async wipe({ keys } = { keys: true }) {
        if (keys) await rm(join(dir, "store", "jetstream"), { recursive: true });
        else await store.replaceBy(undefined, `wiped-${Date.now()}`);
      },
    });
  } finally {
    await Promise.all(buses.map((bus) => bus.close()));
  }
}

export async function until(bus: Bus, state: string, withinMs = 60_000): Promise<void> {
  const said = () => JSON.stringify(bus.status().warnings.map(({ message }) => message));
  await eventually(`${state}, not ${bus.status().state}: ${said()}`, withinMs, () => bus.status().state === state).catch(
    (error: Error) => {
      throw new Error(`${error.message}; now ${bus.status().state}: ${said()}`);
    },
  );
}

/** Every document of a collection that is acknowledged, by id. */
export async function documents(bus: Bus, collection: string): Promise<Record<string, Record<string, unknown>>> {
  const found: Record<string, Record<string, unknown>> = {};
  for (let after: string | undefined; ; ) {
    const page = await bus.collection(collection).list({ limit: 1000, ...(after !== undefined && { after }) });
    for (const { id, doc } of page.items) found[id] = doc;
    if (page.next === undefined) return found;
    after = page.next;
  }
}

export function warningOf(bus: Bus, code: string): string {
  return bus.status().warnings.find((warning) => warning.code === code)?.message ?? "";
}
