/** `frontsync import dashboards DIR`: dashboard files into the datastore. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { targetOf, withTarget } from "./support/config/target.ts";
import { jsonOption } from "./support/options.ts";

interface Flags {
  dir?: string;
  dryRun?: boolean;
  json?: boolean;
}

const HELP = `
A file's id is its own "id" or "uid" when that is a string, else a hash of its path under DIR: a second run finds the same documents
and writes only what has changed. One of our own dashboards (with "name" and "data") is taken as it is; any other JSON object becomes
the data of a dashboard that takes its name from "title" and its labels from "tags". A file that can't be imported is reported and
the others go on; then the exit code is 1.

Examples:
  frontsync import dashboards ./dashboards
  frontsync import dashboards ./dashboards --dry-run
  frontsync import dashboards ./dashboards --datastore store.example.com:9405 --json`;

/** Adds the command to the program; `cli` runs it. */
export function addImport(program: Command, cli: Cli): void {
  const group = program.command("import").summary("load documents from files").description("Loads documents from files.");
  const command = group
    .command("dashboards")
    .summary("load a folder of dashboard files")
    .description("Loads every .json file in a folder and its subfolders as a dashboard.")
    .argument("<dir>", "the folder")
    .option(
      "--dir <replica-dir>",
      "keep the local replica here, so that the next run starts faster (default: a temporary folder)",
    )
    .option("--dry-run", "say what would be written, and write nothing")
    .addOption(jsonOption())
    .addHelpText("after", HELP)
    .action((dir: string, flags: Flags) =>
      cli.run({ json: flags.json === true, staysUp: false }, (context) => run(dir, flags, context)),
    );
  withTarget(command);
}

async function run(dir: string, flags: Flags, context: Context): Promise<void> {
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runImport } = await import("./support/import/run.ts");
  const { dryRun = false } = flags;
  const target = targetOf(flags);
  const replica = flags.dir === undefined ? undefined : resolve(flags.dir);
  await runImport({ dir: resolve(dir), target, replica, dryRun }, context);
}
