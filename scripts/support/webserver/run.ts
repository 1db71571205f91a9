/** The webserver of `frontsync webserver`, up until a signal. */
import { startWebserver, type WebserverOptions } from "../../../apps/webserver/index.ts";
import type { Context } from "../cli.ts";
import { commandBackups } from "./backups.ts";

/** Says where it listens, and closes it at the signal. Throws what startWebserver throws. */
export async function runWebserver(options: WebserverOptions, { output, stop }: Context): Promise<void> {
  const webserver = await startWebserver(options, { backups: commandBackups(options) });
  try {
    stop.signal.throwIfAborted();
    const { address } = webserver;
    output.line(`webserver ${options.webserver} at ${address}, its data in ${options.dir}`);
    output.figures({ event: "started", webserver: options.webserver, address, dir: options.dir });
    await stop.requested;
  } finally {
    await webserver.close();
  }
}
