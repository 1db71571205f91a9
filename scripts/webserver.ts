/** `frontsync webserver`: the reference webserver. */
import type { Command } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { configOf, flagsOf, type GivenFlags, secretsHelp, withConfig } from "./support/config/flags.ts";
import { jsonOption } from "./support/options.ts";

const EXAMPLES = `
Examples:
  frontsync webserver --config /etc/frontsync/frontsync.conf
  frontsync webserver --external-addr 127.0.0.1:8081 --listen 127.0.0.1 --port 8081 --dir ./web1
  frontsync webserver --external-addr web1.example.com --datastore store.example.com --key-file key.pem --certificate-file cert.pem`;

/** Adds the command to the program; `cli` runs it. */
export function addWebserver(program: Command, cli: Cli): void {
  const command = program
    .command("webserver")
    .summary("run the reference webserver: the HTTP API on a bus")
    .description(
      "Runs a webserver: its own replica of the datastore, and the HTTP API on it. Stays up until a signal, then finishes what it is answering.",
    )
    .addOption(jsonOption())
    .addHelpText("after", `${secretsHelp()}\n${EXAMPLES}`)
    .action((flags: GivenFlags) => cli.run({ json: flags.json === true, staysUp: true }, (context) => run(flags, context)));
  withConfig(command, "webserver");
}

async function run(given: GivenFlags, context: Context): Promise<void> {
  const settings = configOf(given, "webserver");
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runWebserver } = await import("./support/webserver/run.ts");
  const sources = { file: given.config as string | undefined, flags: flagsOf(given, "webserver"), user: "webserver" as const };
  await runWebserver(settings, sources, context);
}
