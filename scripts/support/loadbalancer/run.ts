/** The load balancer of `frontsync loadbalancer`, up until a signal. */
import { type RosterEvent, startLoadbalancer } from "../../../apps/loadbalancer/index.ts";
import { setLogLevel } from "../../../bus/platform/log.ts";
import type { Context } from "../cli.ts";
import type { ConfigSources, Settings } from "../config/index.ts";
import { reloadAtHangup } from "../config/reload.ts";
import type { Output } from "../output.ts";
import { serviceOf } from "../systemd.ts";
import { optionsOf } from "./options.ts";

export { emitConfig } from "./emit.ts";

/** Says where it listens and which webserver comes and goes, and closes it at the signal. Throws what startLoadbalancer throws, and BAD_CONFIG
 *  without what HTTPS needs. */
export async function runLoadbalancer(settings: Settings, sources: ConfigSources, context: Context): Promise<void> {
  const { output, stop } = context;
  setLogLevel(settings.logLevel);
  const onEvent = (event: RosterEvent) => tell(output, event);
  const balancer = await startLoadbalancer({ ...optionsOf(settings), onEvent });
  const service = serviceOf();
  const unfollow = reloadAtHangup(sources, context, ({ datastoreUpdateInterval }) => {
    balancer.bus?.setUpdateInterval(datastoreUpdateInterval);
    return balancer.renewCertificate() ? ["certificateFile"] : [];
  });
  try {
    stop.signal.throwIfAborted();
    const { address, statusAddress, redirectAddress } = balancer;
    output.line(`${output.paint("bold", "load balancer")} at ${address}, its status at ${statusAddress}/status`);
    if (redirectAddress !== undefined) output.line(`${redirectAddress} sends users to HTTPS.`);
    output.line("Running until Ctrl-C.");
    output.figures({ event: "started", address, statusAddress, ...(redirectAddress !== undefined && { redirectAddress }) });
    await service.ready(`serving on ${address}`);
    await stop.requested;
  } finally {
    unfollow();
    await service.stopping();
    await balancer.close();
  }
}

/** Of a webserver that gets users, or gets none any more. */
export function tell(output: Output, told: RosterEvent): void {
  const { event, webserver, at, why } = told;
  output.line(event === "joined" ? `${webserver} at ${at} gets users.` : `${webserver} at ${at} gets no users: ${why}.`);
  output.figures(told);
}
