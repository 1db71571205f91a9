/** What `frontsync loadbalancer --emit` prints. */
import { type EmitOptions, emit, type ProxyName } from "../../../apps/loadbalancer/emit/index.ts";
import { startLoadbalancer } from "../../../apps/loadbalancer/index.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { Context } from "../cli.ts";
import type { Settings } from "../config/index.ts";
import { inTemporaryFolder } from "../temporary-folder.ts";
import { optionsOf } from "./options.ts";

/** Asks the webservers that there are, as the load balancer does, and prints. Throws BAD_CONFIG, and NO_WEBSERVER when none answers. */
export async function emitConfig(proxy: ProxyName, settings: Settings, { output }: Context): Promise<void> {
  const { keyFile, certificateFile, insecureDisableHttps, webListenAddress: host, webPort: port } = settings;
  const {
    keyFile: _key,
    certificateFile: _certificate,
    redirectPort: _port,
    statusAddress: _status,
    drainSeconds: _drain,
    ...options
  } = optionsOf({
    ...settings,
    insecureDisableHttps: true,
  });
  const webservers = await inTemporaryFolder(async (dir) => {
    await using balancer = await startLoadbalancer({ ...options, dir, listen: "127.0.0.1", port: 0 });
    return balancer.status().webservers;
  });
  if (webservers.length === 0)
    throw new FrontsyncError(
      "NO_WEBSERVER",
      "There is no webserver: check Datastore, and that one is started; `frontsync status` lists them.",
    );
  const about: EmitOptions = {
    ...{ host, port, skipVerify: settings.insecureSkipTlsVerify, caFile: settings.webserverCaFile },
    tls: insecureDisableHttps || !keyFile || !certificateFile ? undefined : { keyFile, certificateFile },
  };
  for (const { webserver, rank, why } of webservers) if (rank !== "fit") output.note(`${webserver} is ${rank}: ${why}.`);
  const text = emit(proxy, webservers, about);
  output.figures({ proxy, configuration: text });
  output.line(text.trimEnd());
}
