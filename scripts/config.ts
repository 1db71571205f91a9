/** `frontsync config check`: what a configuration file means, before anything runs with it. */
import { type Command, Option } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { USERS, type User } from "./support/config/keys/index.ts";
import { jsonOption } from "./support/options.ts";

interface Flags {
  config?: string;
  for?: User;
  json?: boolean;
}

const HELP = `
Prints each setting with its value and where it comes from: the file's line, an environment variable, or the default. Secrets are not
shown. Exit 1 with BAD_CONFIG, file and line when something is not understood, and when the command of --for would not start with it.

Examples:
  frontsync config check --config /etc/frontsync/frontsync.conf
  frontsync config check --config /opt/gravwell/etc/gravwell.conf --for datastore
  frontsync config check --config frontsync.conf --json | jq .settings.Datastore`;

/** Adds the command to the program; `cli` runs it. */
export function addConfig(program: Command, cli: Cli): void {
  const group = program
    .command("config")
    .summary("check a configuration file")
    .description("Looks at a configuration file (gravwell.conf). docs/configuration.md has every setting.");
  group
    .command("check")
    .summary("print what is understood, and where each value comes from")
    .description("Prints what is understood of a configuration file and the environment.")
    .option("--config <file>", "the configuration file (default: none, the environment and the defaults alone)")
    .addOption(new Option("--for <command>", "only the settings of this command, and what it needs").choices(USERS))
    .addOption(jsonOption())
    .addHelpText("after", HELP)
    .action((flags: Flags) => cli.run({ json: flags.json === true, staysUp: false }, (context) => run(flags, context)));
}

async function run({ config, for: user }: Flags, context: Context): Promise<void> {
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { checkConfig } = await import("./support/config/check.ts");
  checkConfig(config, user, context.output);
}
