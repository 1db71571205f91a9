/** A datastore and two webservers' buses in this process: what `frontsync demo` shows. */
import { join } from "node:path";
import type { Bus } from "../../../bus/api.ts";
import { connectBus } from "../../../bus/index.ts";
import { within } from "../../../bus/platform/deadline.ts";
import type { Datastore, DatastoreOptions } from "../../../functions/datastore.ts";
import type { Context } from "../cli.ts";
import { openDatastore } from "../start-datastore.ts";

export const WEBSERVERS = ["web1", "web2"] as const;

const CATCH_UP_MS = 60_000;
const CLOSE_MS = 10_000;
/** Shorter than the default, so that `frontsync status` shows fresh positions. */
const UPDATE_INTERVAL_S = 2;

export interface SessionOptions extends Pick<DatastoreOptions, "port" | "nats" | "controlAuth"> {
  dir: string;
}

export interface Webserver {
  readonly name: string;
  /** The folder of its local database. */
  readonly dir: string;
  readonly bus: Bus;
}

export interface Session {
  readonly datastore: Datastore;
  readonly datastoreDir: string;
  readonly writer: Webserver;
  readonly reader: Webserver;
  /** Closes the buses, then stops the datastore. */
  close(): Promise<void>;
}

/** Starts all of it in subfolders of `dir` and resolves when both webservers hold everything that is there. A signal during the start
 *  undoes it. Throws what starting the datastore and opening a bus throw, and TIMEOUT. */
export async function openSession({ dir, ...options }: SessionOptions, context: Context): Promise<Session> {
  const { signal } = context.stop;
  const datastoreDir = join(dir, "datastore");
  const datastore = await openDatastore({ dir: datastoreDir, sync: "always", ...options }, context);
  const buses: Bus[] = [];
  const close = async () => {
    try {
      await within(Promise.all(buses.map((bus) => bus.close())), "Closing the buses", { timeoutMs: CLOSE_MS });
    } finally {
      await within(datastore.stop(), "Stopping the datastore", { timeoutMs: CLOSE_MS });
    }
  };
  try {
    const open = async (name: string): Promise<Webserver> => {
      const folder = join(dir, name);
      const { controlAuth } = options;
      const bus = await connectBus({
        datastore: datastore.address,
        webserver: name,
        dir: folder,
        // Nothing listens there: the demo has no web pages. It makes them webservers in the list of peers, not observers.
        externalAddr: `${name}.demo.invalid`,
        updateInterval: UPDATE_INTERVAL_S,
        ...(controlAuth === undefined ? {} : { controlAuth }),
      });
      buses.push(bus);
      return { name, dir: folder, bus };
    };
    const [writer, reader] = [await open(WEBSERVERS[0]), await open(WEBSERVERS[1])];
    for (const { bus } of [writer, reader]) await bus.caughtUp(null, { timeoutMs: CATCH_UP_MS, signal });
    return { datastore, datastoreDir, writer, reader, close };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}
