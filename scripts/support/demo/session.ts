/** A datastore and three webservers in this process: what `frontsync demo` shows. */
import { join } from "node:path";
import { startWebserver } from "../../../apps/webserver/index.ts";
import type { Bus } from "../../../bus/api.ts";
import { within } from "../../../bus/platform/deadline.ts";
import type { Datastore, DatastoreOptions } from "../../../functions/datastore.ts";
import type { Context } from "../cli.ts";
import { freePort } from "../free-port.ts";
import { openDatastore } from "../start-datastore.ts";
import { commandBackups } from "../webserver/backups.ts";

const WEBSERVERS = ["web1", "web2", "web3"] as const;
/** Of the first webserver, when nobody else has it; the others follow. */
const FIRST_PORT = 8081;

const CATCH_UP_MS = 60_000;
const CLOSE_MS = 10_000;
/** Shorter than the default, so that `frontsync status` shows fresh positions. */
const UPDATE_INTERVAL_S = 2;

export interface SessionOptions extends Pick<DatastoreOptions, "port" | "nats" | "controlAuth"> {
  dir: string;
}

export interface Webserver {
  readonly name: string;
  /** Where it listens, `http://host:port`. */
  readonly address: string;
  /** The folder of its local database. */
  readonly dir: string;
  readonly bus: Bus;
}

export interface Session {
  readonly datastore: Datastore;
  readonly datastoreDir: string;
  readonly writer: Webserver;
  readonly reader: Webserver;
  /** All of them, these two first. */
  readonly webservers: readonly Webserver[];
  /** Closes the webservers, then stops the datastore. */
  close(): Promise<void>;
}

/** Starts all of it in subfolders of `dir` and resolves when all webservers hold everything that is there. A signal during the start
 *  undoes it. Throws what starting the datastore and a webserver throw, and TIMEOUT. */
export async function openSession({ dir, ...options }: SessionOptions, context: Context): Promise<Session> {
  const { signal } = context.stop;
  const datastoreDir = join(dir, "datastore");
  const datastore = await openDatastore({ dir: datastoreDir, sync: "always", ...options }, context);
  const opened: (Webserver & { close(): Promise<void> })[] = [];
  const close = async () => {
    try {
      const closing = Promise.all(opened.map((webserver) => webserver.close()));
      await within(closing, "Closing the webservers", { timeoutMs: CLOSE_MS });
    } finally {
      await within(datastore.stop(), "Stopping the datastore", { timeoutMs: CLOSE_MS });
    }
  };
  try {
    for (const [at, name] of WEBSERVERS.entries()) {
      const port = await freePort(options.port === 0 ? 0 : FIRST_PORT + at);
      const folder = join(dir, name);
      const { controlAuth } = options;
      const about = {
        ...{ datastore: datastore.address, webserver: name, dir: folder },
        ...{ externalAddr: `127.0.0.1:${port}`, port },
        updateInterval: UPDATE_INTERVAL_S,
        ...(controlAuth === undefined ? {} : { controlAuth }),
      };
      const started = await startWebserver(about, { backups: commandBackups(about) });
      opened.push({ name, dir: folder, address: started.address, bus: started.bus, close: started.close });
    }
    for (const { bus } of opened) await bus.caughtUp(null, { timeoutMs: CATCH_UP_MS, signal });
    const [writer, reader] = opened as Webserver[] as [Webserver, Webserver];
    return { datastore, datastoreDir, writer, reader, webservers: opened, close };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}
