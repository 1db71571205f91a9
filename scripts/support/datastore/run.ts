/** A datastore that stays up until a signal. */
import { within } from "../../../bus/platform/deadline.ts";
import type { DatastoreOptions } from "../../../functions/datastore.ts";
import type { Context } from "../cli.ts";
import { openDatastore } from "../start-datastore.ts";

const STOP_MS = 30_000;

/** Starts it, prints where it is, and drains it at a signal. Throws what openDatastore throws, and TIMEOUT when it does not stop. */
export async function runDatastore(options: DatastoreOptions, context: Context): Promise<void> {
  const { output, stop } = context;
  const { dir } = options;
  const datastore = await openDatastore(options, context);
  try {
    const { address, generation, pids } = datastore;
    output.line(`${output.paint("bold", "datastore")} ${address} (generation ${generation}, data in ${dir})`);
    output.line("Running until Ctrl-C.");
    output.figures({ event: "started", datastore: { address, generation, dir, pids } });
    await stop.requested;
  } finally {
    await within(datastore.stop(), "Stopping the datastore", { timeoutMs: STOP_MS });
  }
}
