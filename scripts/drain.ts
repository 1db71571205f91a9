/** `frontsync drain`: a webserver gets no users, so that it can be stopped. */
import type { Command } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { targetOf, withTarget } from "./support/config/target.ts";
import { jsonOption } from "./support/options.ts";

interface Flags {
  json?: boolean;
  undo?: boolean;
}

const EXAMPLES = `
Examples:
  frontsync drain                 who is drained
  frontsync drain web1            its users are sent to the others, where they stay logged in
  frontsync drain web1 --undo     it gets users again`;

/** Adds the command to the program; `cli` runs it. */
export function addDrain(program: Command, cli: Cli): void {
  const command = program
    .command("drain")
    .summary("send a webserver's users to the others, before it is stopped")
    .description(
      "Load balancers send the users of a drained webserver to the others from their next request on, and its own health says that it should get none. It stays so over restarts, until --undo. Without a name: who is drained.",
    )
    .argument("[webserver]", "its id, as `frontsync status` lists it")
    .option("--undo", "it gets users again")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((webserver: string | undefined, flags: Flags) =>
      cli.run({ json: flags.json === true, staysUp: false }, (context) => run(webserver, flags, context)),
    );
  withTarget(command);
}

async function run(webserver: string | undefined, flags: Flags, context: Context): Promise<void> {
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runDrain } = await import("./support/drain/run.ts");
  await runDrain({ webserver, undo: flags.undo === true }, targetOf(flags), context);
}
