/** A datastore, and three webservers behind a load balancer, in this process: what `frontsync demo` shows. */
import { join } from "node:path";
import type { Loadbalancer } from "../../../apps/loadbalancer/index.ts";
import { startWebserver } from "../../../apps/webserver/index.ts";
import type { Bus } from "../../../bus/api.ts";
import { within } from "../../../bus/platform/deadline.ts";
import type { Datastore, DatastoreOptions } from "../../../functions/datastore.ts";
import type { Context } from "../cli.ts";
import { freePorts } from "../free-ports.ts";
import { openDatastore } from "../start-datastore.ts";
import { commandBackups } from "../webserver/backups.ts";
import { openBalancer } from "./balance.ts";

const WEBSERVERS = ["web1", "web2", "web3"] as const;
/** Of the load balancer, when nobody else has it. */
const BALANCER_PORT = 8080;
/** Of the first webserver, when nobody else has it; the others follow. */
const FIRST_PORT = 8081;

const HOST = "127.0.0.1";
const CATCH_UP_MS = 60_000;
/** Longer than what is under way is given to end, by each of them. */
const CLOSE_MS = 30_000;
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
  /** Where users come to. */
  readonly balancer: Loadbalancer;
  /** Closes the load balancer and the webservers, then stops the datastore. */
  close(): Promise<void>;
}

/** Starts all of it in subfolders of `dir` and resolves when all webservers hold everything that is there. A signal during the start
 *  undoes it. Throws what starting the datastore and a webserver throw, and TIMEOUT. */
export async function openSession({ dir, ...options }: SessionOptions, context: Context): Promise<Session> {
  const { signal } = context.stop;
  const datastoreDir = join(dir, "datastore");
  const datastore = await openDatastore({ dir: datastoreDir, sync: "always", ...options }, context);
  const opened: (Webserver & { close(): Promise<void> })[] = [];
  let balancer: Loadbalancer | undefined;
  const close = async () => {
    try {
      if (balancer) await within(balancer.close(), "Closing the load balancer", { timeoutMs: CLOSE_MS });
      const closing = Promise.all(opened.map((webserver) => webserver?.close()));
      await within(closing, "Closing the webservers", { timeoutMs: CLOSE_MS });
    } finally {
      await within(datastore.stop(), "Stopping the datastore", { timeoutMs: CLOSE_MS });
    }
  };
  try {
    const wanted = [BALANCER_PORT, ...WEBSERVERS.map((_name, at) => FIRST_PORT + at)];
    const [balancerPort = 0, ...ports] = await freePorts(wanted.map((port) => (options.port === 0 ? 0 : port)));
    const { controlAuth } = options;
    const bus = {
      ...{ datastore: datastore.address, updateInterval: UPDATE_INTERVAL_S },
      ...(controlAuth === undefined ? {} : { controlAuth }),
    };
    const open = async (name: string, at: number) => {
      const port = ports[at] as number;
      const folder = join(dir, name);
      const about = {
        ...{ webserver: name, dir: folder, externalAddr: `${HOST}:${port}`, port },
        trustedProxies: [HOST],
        ...bus,
      };
      const started = await startWebserver(about, { backups: commandBackups(about) });
      opened[at] = { name, dir: folder, address: started.address, bus: started.bus, close: started.close };
      await started.bus.caughtUp(null, { timeoutMs: CATCH_UP_MS, signal });
    };
    // When one fails, the others must be open before they are closed.
    const opening = openBalancer({ dir: join(dir, "balancer"), port: balancerPort, bus, webservers: WEBSERVERS.length, signal });
    const balance = async () => {
      balancer = await opening;
    };
    const results = await Promise.allSettled([...WEBSERVERS.map(open), balance()]);
    for (const result of results) if (result.status === "rejected") throw result.reason;
    const [writer, reader] = opened as Webserver[] as [Webserver, Webserver];
    return { datastore, datastoreDir, writer, reader, webservers: opened, balancer: await opening, close };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}
