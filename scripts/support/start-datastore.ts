/** Starts a datastore as the commands do it: nats-server is found first, which can be seen and interrupted; then it must be up within
 *  its time. */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { within } from "../../bus/platform/deadline.ts";
import { type Datastore, type DatastoreOptions, startDatastore } from "../../functions/datastore.ts";
import { findNatsServer } from "../../functions/nats-server/index.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Context } from "./cli.ts";

/** Above what nats-server may take. */
export const START_TIMEOUT_MS = 1_500_000;
const CONNECT_MS = 3000;
const ABANDONED_MS = 15_000;

/** Makes sure that there is a NATS: the running one that is given, or a nats-server to embed, with a line for each step of a fetch.
 *  Throws DATASTORE_UNREACHABLE, or BAD_CONFIG that says what to install. */
export async function findNats(nats: string | undefined, { output, stop }: Context): Promise<void> {
  if (nats === undefined) await findNatsServer({ onProgress: (line) => output.note(line), signal: stop.signal });
  else await assertListens(nats);
}

/** A running datastore. When a signal comes first, it is stopped again and `Stopped` is thrown. BAD_CONFIG when the port is taken,
 *  DATASTORE_UNREACHABLE when the given NATS does not answer, TIMEOUT after 25 minutes. */
export async function openDatastore(options: DatastoreOptions, context: Context): Promise<Datastore> {
  await findNats(options.nats, context);
  const starting = startDatastore(options);
  try {
    return await within(starting, "Starting the datastore", { timeoutMs: START_TIMEOUT_MS, signal: context.stop.signal });
  } catch (error) {
    await abandon(starting);
    throw await explainPort(error, options);
  }
}

/** A start can't be interrupted, only waited for. */
async function abandon(starting: Promise<Datastore>): Promise<void> {
  const end = starting.then((datastore) => datastore.stop()).catch(() => {});
  await within(end, "Stopping the datastore", { timeoutMs: ABANDONED_MS }).catch(() => {});
}

async function explainPort(error: unknown, { port, listen, nats }: DatastoreOptions): Promise<unknown> {
  const aboutPort = error instanceof FrontsyncError && (error.code === "BAD_CONFIG" || error.code === "INTERNAL");
  if (!aboutPort || !port || nats !== undefined || !(await isTaken(port, listen ?? "127.0.0.1"))) return error;
  return new FrontsyncError(
    "BAD_CONFIG",
    `Port ${port} is taken. Stop what listens there, or use another: --port 0 takes a free one.`,
    { cause: error },
  );
}

function isTaken(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EADDRINUSE"));
    server.listen(port, host, () => server.close(() => resolve(false)));
  });
}

/** A handler would try again and again; whoever types a wrong address wants to know now. */
async function assertListens(nats: string): Promise<void> {
  const at = nats.lastIndexOf(":");
  const socket = connect({ host: nats.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(nats.slice(at + 1)) });
  try {
    await within(once(socket, "connect"), "The connection", { timeoutMs: CONNECT_MS });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FrontsyncError(
      "DATASTORE_UNREACHABLE",
      `No NATS answers at ${nats} (${why}). Check that it runs, and its address.`,
      { cause },
    );
  } finally {
    socket.destroy();
  }
}
