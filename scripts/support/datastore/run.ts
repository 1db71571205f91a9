/** A datastore that stays up until a signal. */
import { resolve } from "node:path";
import { within } from "../../../bus/platform/deadline.ts";
import { setLogLevel } from "../../../bus/platform/log.ts";
import type { DatastoreOptions } from "../../../functions/datastore.ts";
import type { Context } from "../cli.ts";
import { checkExposure } from "../config/exposure.ts";
import type { ConfigSources, Settings } from "../config/index.ts";
import { reloadAtHangup } from "../config/reload.ts";
import { datastoreOf } from "../config/target.ts";
import { openDatastore } from "../start-datastore.ts";
import { serviceOf } from "../systemd.ts";

const STOP_MS = 30_000;

/** Starts it, prints where it is, and drains it at a signal. Throws BAD_CONFIG when it would be open to whoever reaches it, what openDatastore
 *  throws, and TIMEOUT when it does not stop. */
export async function runDatastore(settings: Settings, sources: ConfigSources, context: Context): Promise<void> {
  const { output, stop } = context;
  checkExposure(settings);
  setLogLevel(settings.logLevel);
  const options = optionsOf(settings);
  const datastore = await openDatastore(options, context);
  const service = serviceOf();
  const unfollow = reloadAtHangup(sources, context, ({ logLevel }) =>
    datastore.reload({ logLevel }) ? ["certificateFile"] : [],
  );
  try {
    const { address, generation, pids } = datastore;
    output.line(`${output.paint("bold", "datastore")} ${address} (generation ${generation}, data in ${options.dir})`);
    output.line("Running until Ctrl-C.");
    output.figures({ event: "started", datastore: { address, generation, dir: options.dir, pids } });
    await service.ready(`serving on ${address}`);
    await stop.requested;
  } finally {
    unfollow();
    await service.stopping();
    await within(datastore.stop(), "Stopping the datastore", { timeoutMs: STOP_MS });
  }
}

function optionsOf(settings: Settings): DatastoreOptions {
  const { datastoreNats: nats, datastoreListenAddress: listen, datastorePort: port, keyFile, certificateFile } = settings;
  const withTls = certificateFile !== undefined && keyFile !== undefined && !settings.datastoreInsecureDisableTls;
  return {
    dir: resolve(settings.datastoreDir),
    handlers: settings.datastoreHandlers,
    sync: settings.datastoreSync as "always" | "default",
    controlAuth: settings.controlAuth,
    resourceMaxBytes: settings.resourceMaxSize,
    resourceGraceSeconds: settings.resourceGraceSeconds,
    tombstoneKeepSeconds: settings.tombstoneKeepSeconds,
    tombstoneAwaySeconds: settings.tombstoneAwaySeconds,
    deletionFuse: !settings.disableDeletionFuse && {
      share: settings.deletionFuseShare,
      documents: settings.deletionFuseDocuments,
    },
    maxSearchHistory: settings.maxSearchHistory,
    schemas: settings.schemaFolder,
    logLevel: settings.logLevel,
    ...(nats === undefined ? { listen, port } : { nats, ...natsTls(settings, nats) }),
    ...(withTls && { tls: { keyFile, certificateFile } }),
  };
}

/** A NATS of one's own may have TLS as well. */
function natsTls(settings: Settings, nats: string): Pick<DatastoreOptions, "natsTls"> {
  const { tls } = datastoreOf({ ...settings, datastore: [nats] });
  return tls === undefined ? {} : { natsTls: tls };
}
