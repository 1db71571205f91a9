/** `frontsync fuse`: what the deletion fuse holds, and what becomes of it. */
import type { Command } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { targetOf, withTarget } from "./support/config/target.ts";
import type { FuseJob } from "./support/fuse/run.ts";
import { jsonOption } from "./support/options.ts";

interface Flags {
  yes?: boolean;
  discard?: boolean;
  json?: boolean;
}

const LS = `
The fuse of a collection opens when within a minute more than a fifth of its documents, and more than 20, are deleted. From then on every
deletion of them is refused with FUSE_OPEN, and held.

Examples:
  frontsync fuse ls
  frontsync fuse ls --json --datastore store.example.com:9405`;

const CLOSE = `
The held deletions are done as they were asked for, but not those of documents that have changed since. Deletions that wait in the outbox of
a webserver are answered then. With --discard none of them is done: the documents stay, and webservers that wait get a dead letter.

Examples:
  frontsync fuse close dashboards
  frontsync fuse close dashboards --yes
  frontsync fuse close dashboards --discard --yes`;

/** Adds the commands to the program; `cli` runs them. */
export function addFuse(program: Command, cli: Cli): void {
  const group = program
    .command("fuse")
    .summary("deletions that are held because there were too many")
    .description("Shows the deletions that are held because there were too many within a minute, and lets them go.");
  const add = (command: Command, help: string) => withTarget(command.addOption(jsonOption()).addHelpText("after", help));
  const start = (flags: Flags, job: FuseJob) =>
    cli.run({ json: flags.json === true, staysUp: false }, (context) => run(job, flags, context));
  add(
    group
      .command("ls")
      .summary("the fuses that are open, and what they hold")
      .description("Lists the fuses that are open, and what they hold.")
      .action((flags: Flags) => start(flags, { do: "ls" })),
    LS,
  );
  add(
    group
      .command("close")
      .summary("let the held deletions of a collection go, or discard them")
      .description("Closes the fuse of a collection: the deletions that it holds are done, or discarded.")
      .argument("<collection>", "whose fuse it is")
      .option("--yes", "do not ask")
      .option("--discard", "do not delete: the documents stay")
      .action((collection: string, flags: Flags) => {
        const { yes = false, discard = false } = flags;
        return start(flags, { do: "close", collection, yes, discard });
      }),
    CLOSE,
  );
}

async function run(job: FuseJob, flags: Flags, context: Context): Promise<void> {
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runFuse } = await import("./support/fuse/run.ts");
  await runFuse(job, targetOf(flags), context);
}
