/** `frontsync status`: how a deployment is doing, seen from its datastore. */
import type { Command } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { targetOf, withTarget } from "./support/config/target.ts";
import { jsonOption } from "./support/options.ts";

interface Flags {
  json?: boolean;
}

const EXAMPLES = `
Examples:
  frontsync status
  frontsync status --datastore store.example.com:9405
  frontsync status --json | jq .peers`;

/** Adds the command to the program; `cli` runs it. */
export function addStatus(program: Command, cli: Cli): void {
  const command = program
    .command("status")
    .summary("the datastore and its webservers: who is there, and how far behind")
    .description(
      "Asks the datastore for its generation and head, and for every webserver its state, position, lag and age. Exit 1 with DATASTORE_UNREACHABLE when it does not answer within 5 s.",
    )
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((flags: Flags) => cli.run({ json: flags.json === true, staysUp: false }, (context) => run(flags, context)));
  withTarget(command);
}

async function run(flags: Flags, context: Context): Promise<void> {
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { showOverview } = await import("./support/status/overview.ts");
  await showOverview(targetOf(flags), context);
}
