/** `frontsync doctor`: what is wrong with a machine, its settings and the deployment, and what to do. */
import type { Command } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import type { GivenFlags } from "./support/config/flags.ts";
import { withTarget } from "./support/config/target.ts";
import { jsonOption } from "./support/options.ts";

const EXAMPLES = `
Changes nothing. Exit 1 when something is wrong; what is only to be known is a warning.

Examples:
  frontsync doctor
  frontsync doctor --config /etc/frontsync/frontsync.conf
  frontsync doctor --json | jq '.findings[] | select(.state != "good")'`;

/** Adds the command to the program; `cli` runs it. */
export function addDoctor(program: Command, cli: Cli): void {
  const command = program
    .command("doctor")
    .summary("what is wrong here, and what to do")
    .description(
      "Looks at this machine, the settings, the datastore and its webservers, and says what is wrong with each, and what to do.",
    )
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((flags: GivenFlags) => cli.run({ json: flags.json === true, staysUp: false }, (context) => run(flags, context)));
  withTarget(command);
}

async function run(flags: GivenFlags, context: Context): Promise<void> {
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runDoctor } = await import("./support/doctor/run.ts");
  await runDoctor(flags, context);
}
