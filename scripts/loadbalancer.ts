/** `frontsync loadbalancer`: the reverse proxy in front of the webservers. */
import { type Command, Option } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { configOf, flagsOf, type GivenFlags, secretsHelp, withConfig } from "./support/config/flags.ts";
import { jsonOption } from "./support/options.ts";

const EXAMPLES = `
Examples:
  frontsync loadbalancer --config /etc/frontsync/loadbalancer.conf
  frontsync loadbalancer --insecure-disable-https --insecure-disable-client-https --listen 127.0.0.1 --port 8080
  frontsync loadbalancer --emit haproxy --config /etc/frontsync/loadbalancer.conf > /etc/haproxy/haproxy.cfg`;
/** Whose configuration it can print. */
export const PROXIES = ["traefik", "haproxy", "nginx"] as const;

/** Adds the command to the program; `cli` runs it. */
export function addLoadbalancer(program: Command, cli: Cli): void {
  const command = program
    .command("loadbalancer")
    .summary("run the load balancer in front of the webservers, or print the configuration of another one")
    .description(
      "Learns from the datastore which webservers there are, sends users to those that are well, and keeps each at one of them. Stays up until a signal, then finishes what is under way.",
    )
    .addOption(
      new Option("--emit <proxy>", "print the configuration of another proxy for the webservers that there are now").choices(
        PROXIES,
      ),
    )
    .addOption(jsonOption())
    .addHelpText("after", `${secretsHelp()}\n${EXAMPLES}`)
    .action((flags: GivenFlags) =>
      cli.run({ json: flags.json === true, staysUp: flags.emit === undefined }, (context) => run(flags, context)),
    );
  withConfig(command, "loadbalancer");
}

async function run(given: GivenFlags, context: Context): Promise<void> {
  const settings = configOf(given, "loadbalancer");
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { emitConfig, runLoadbalancer } = await import("./support/loadbalancer/run.ts");
  const sources = {
    file: given.config as string | undefined,
    flags: flagsOf(given, "loadbalancer"),
    user: "loadbalancer" as const,
  };
  if (given.emit !== undefined) await emitConfig(given.emit as (typeof PROXIES)[number], settings, context);
  else await runLoadbalancer(settings, sources, context);
}
