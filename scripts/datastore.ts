/** `frontsync datastore`: the datastore of a deployment. */
import type { Command } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { configOf, flagsOf, type GivenFlags, withConfig } from "./support/config/flags.ts";
import { jsonOption } from "./support/options.ts";

const EXAMPLES = `
Examples:
  frontsync datastore --dir /var/lib/frontsync
  frontsync datastore --config /etc/frontsync/frontsync.conf
  frontsync datastore --listen 10.0.0.5 --control-auth-file secret --certificate-file cert.pem --key-file key.pem
  frontsync datastore --nats nats1.example.com:4222 --control-auth-file /etc/frontsync/control-auth`;

/** Adds the command to the program; `cli` runs it. */
export function addDatastore(program: Command, cli: Cli): void {
  const command = program
    .command("datastore")
    .summary("run the datastore that webservers connect to")
    .description(
      "Runs the datastore: an embedded nats-server (or the one of --nats) and the functions that keep its documents. Stays up until a signal, then drains.",
    )
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((flags: GivenFlags) => cli.run({ json: flags.json === true, staysUp: true }, (context) => run(flags, context)));
  withConfig(command, "datastore");
  command.options.find(({ long }) => long === "--nats")?.conflicts(["listen", "port"]);
}

async function run(given: GivenFlags, context: Context): Promise<void> {
  const settings = configOf(given, "datastore");
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runDatastore } = await import("./support/datastore/run.ts");
  const sources = { file: given.config as string | undefined, flags: flagsOf(given, "datastore") };
  await runDatastore(settings, sources, context);
}
