/** The webserver of `frontsync webserver`, up until a signal. */
import { resolve } from "node:path";
import { startWebserver, type WebserverOptions } from "../../../apps/webserver/index.ts";
import { setLogLevel } from "../../../bus/platform/log.ts";
import type { Context } from "../cli.ts";
import type { ConfigSources, Settings } from "../config/index.ts";
import { externalAddrOf, listeningOf } from "../config/listening.ts";
import { reloadAtHangup } from "../config/reload.ts";
import { datastoreOf } from "../config/target.ts";
import { webserverId } from "../config/webserver-id.ts";
import { serviceOf } from "../systemd.ts";
import { commandBackups } from "./backups.ts";

/** Says where it listens, and closes it at the signal. Throws what startWebserver throws, and BAD_CONFIG without what HTTPS needs. */
export async function runWebserver(settings: Settings, sources: ConfigSources, context: Context): Promise<void> {
  const { output, stop } = context;
  setLogLevel(settings.logLevel);
  const options = optionsOf(settings);
  const webserver = await startWebserver(options, { backups: commandBackups(options, tlsFlags(settings)) });
  const service = serviceOf();
  const unfollow = reloadAtHangup(sources, context, ({ datastoreUpdateInterval }) => {
    webserver.bus.setUpdateInterval(datastoreUpdateInterval);
    return webserver.renewCertificate() ? ["certificateFile"] : [];
  });
  try {
    stop.signal.throwIfAborted();
    const { address, redirectAddress } = webserver;
    output.line(`${output.paint("bold", "webserver")} ${options.webserver} at ${address}, its data in ${options.dir}`);
    if (redirectAddress !== undefined) output.line(`${redirectAddress} sends users to HTTPS.`);
    output.line("Running until Ctrl-C.");
    const { webserver: name, dir } = options;
    output.figures({
      event: "started",
      webserver: name,
      address,
      ...(redirectAddress !== undefined && { redirectAddress }),
      dir,
    });
    await service.ready(`serving on ${address}`);
    await stop.requested;
  } finally {
    unfollow();
    await service.stopping();
    await webserver.close();
  }
}

function optionsOf(settings: Settings): WebserverOptions & { controlAuth: string } {
  const externalAddr = externalAddrOf(settings);
  return {
    ...datastoreOf(settings),
    webserver: webserverId(settings),
    dir: resolve(settings.webserverDir),
    externalAddr,
    ...listeningOf(settings),
    updateInterval: settings.datastoreUpdateInterval,
    schemas: settings.schemaFolder,
    sessionTimeoutMinutes: settings.sessionTimeoutMinutes,
    loginFailLockCount: settings.loginFailLockCount,
    loginFailLockDurationMinutes: settings.loginFailLockDuration,
    loginsPerMinute: settings.loginsPerMinute,
    trustedProxies: settings.trustedProxies,
    drainSeconds: settings.drainSeconds,
    resourceMaxSize: settings.resourceMaxSize,
    resourceOutboxMaxBytes: settings.resourceOutboxMaxSize,
    ...(settings.searchLogs !== undefined && { logs: settings.searchLogs }),
    resultMaxSize: settings.searchResultMaxSize,
    resultsMaxSize: settings.searchResultsMaxSize,
    resultKeepHours: settings.searchResultKeepHours,
    peersSkipTlsVerify: settings.searchForwardingSkipTlsVerify,
  };
}

/** How a command that this one starts looks at the datastore's certificate. */
function tlsFlags(settings: Settings): string[] {
  const { datastoreInsecureDisableTls, datastoreInsecureSkipTlsVerify, datastoreCaFile } = settings;
  return [
    ...(datastoreInsecureDisableTls ? ["--datastore-insecure-disable-tls"] : []),
    ...(datastoreInsecureSkipTlsVerify ? ["--datastore-insecure-skip-tls-verify"] : []),
    ...(datastoreCaFile === undefined ? [] : ["--datastore-ca-file", datastoreCaFile]),
  ];
}
