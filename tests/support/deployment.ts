/** A whole deployment for a test: a datastore on a free port, webservers' buses, raw connections to its NATS; all in one temporary folder.
 *  `await using deployment = await deploy({ webservers: 2 })` closes everything, in the reverse order, and removes the folder. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection } from "nats";
import { type Bus, type BusOptions, connectBus } from "../../bus/index.ts";
import { inboxPrefix } from "../../bus/wire/subjects.ts";
import { type Datastore, type DatastoreOptions, startDatastore } from "../../functions/datastore.ts";

export const CONTROL_AUTH = "ControlSecrets";

export interface DeployOptions extends Omit<DatastoreOptions, "dir"> {
  /** Buses to open: web1, web2, …; default 0. */
  webservers?: number;
  /** Of every bus, also of those that `connect` opens. */
  bus?: Partial<BusOptions>;
}

export interface Deployment extends AsyncDisposable {
  /** The temporary folder; the datastore's is `datastore` in it, a bus's is the webserver's id. */
  readonly dir: string;
  readonly datastore: Datastore;
  /** web1, web2, … in order. */
  readonly buses: readonly Bus[];
  /** One more bus, caught up. */
  connect(webserver: string, options?: Partial<BusOptions>): Promise<Bus>;
  /** A plain NATS connection that logs in as a webserver. */
  rawWebserver(webserver: string): Promise<NatsConnection>;
  /** A plain NATS connection in the functions' account: it may do everything to the store. */
  rawFunctions(): Promise<NatsConnection>;
  /** Stops the datastore and starts it again on the same folder and port. */
  restartDatastore(options?: Partial<DatastoreOptions>): Promise<Datastore>;
  /** Stops the datastore, and no other part; restartDatastore brings it back. */
  stopDatastore(): Promise<void>;
}

/** A machine may stand still for seconds: who waits in a test waits longer than users do. */
const PATIENCE_MS = 60_000;

/** A bus whose `caughtUp` waits for a minute unless it is told otherwise. */
export function patient(bus: Bus): Bus {
  const caughtUp = bus.caughtUp.bind(bus);
  bus.caughtUp = (revision, options) => caughtUp(revision, { timeoutMs: PATIENCE_MS, ...options });
  return bus;
}

/** Asks JetStream with as much patience. */
function patientNats(nats: NatsConnection): NatsConnection {
  const [manager, stream] = [nats.jetstreamManager.bind(nats), nats.jetstream.bind(nats)];
  nats.jetstreamManager = (options) => manager({ timeout: PATIENCE_MS, ...options });
  nats.jetstream = (options) => stream({ timeout: PATIENCE_MS, ...options });
  return nats;
}

/** Of every datastore of a test. What a test deletes, it means to delete; the fuse has tests of its own. */
const COMMON = { port: 0, deletionFuse: false } as const;

export async function deploy({ webservers = 0, bus = {}, ...options }: DeployOptions = {}): Promise<Deployment> {
  const dir = await mkdtemp(join(tmpdir(), "frontsync-test-"));
  const closing: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true, maxRetries: 5 })];
  const dispose = async () => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  const folder = join(dir, "datastore");
  const buses: Bus[] = [];

  async function raw(user: string, pass: string, prefix: string): Promise<NatsConnection> {
    const nats = await connect({ servers: datastore.address, user, pass, inboxPrefix: prefix, reconnect: false });
    closing.push(() => nats.close());
    return patientNats(nats);
  }

  async function open(webserver: string, own: Partial<BusOptions> = {}): Promise<Bus> {
    const opened = await connectBus({
      datastore: datastore.address,
      webserver,
      dir: join(dir, webserver),
      externalAddr: `${webserver}.test:443`,
      ...(options.schemas && { schemas: options.schemas }),
      ...bus,
      ...own,
    });
    closing.push(() => opened.close());
    await patient(opened).caughtUp();
    return opened;
  }

  let datastore: Datastore;
  try {
    datastore = await startDatastore({ ...COMMON, ...options, dir: folder });
    closing.push(() => datastore.stop());
    for (let n = 1; n <= webservers; n++) buses.push(await open(`web${n}`));
  } catch (error) {
    await dispose();
    throw error;
  }
  const port = Number(datastore.address.slice(datastore.address.lastIndexOf(":") + 1));

  return {
    dir,
    buses,
    get datastore() {
      return datastore;
    },
    connect: open,
    rawWebserver: (webserver) => raw(webserver, options.controlAuth ?? CONTROL_AUTH, inboxPrefix(webserver)),
    async rawFunctions() {
      const { functionsPassword } = JSON.parse(await readFile(join(folder, "keys.json"), "utf8")) as {
        functionsPassword: string;
      };
      return await raw("functions", functionsPassword, "_INBOX");
    },
    async restartDatastore(changed = {}) {
      await datastore.stop();
      datastore = await startDatastore({ ...COMMON, ...options, port, ...changed, dir: folder });
      return datastore;
    },
    stopDatastore: () => datastore.stop(),
    [Symbol.asyncDispose]: dispose,
  };
}
