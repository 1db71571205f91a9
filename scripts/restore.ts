/** `frontsync restore FILE`: the documents of a backup, or of a webserver, back into the datastore. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { FrontsyncError } from "../schemas/errors.ts";
import type { Cli, Context } from "./support/cli.ts";
import { targetOf, withTarget } from "./support/config/target.ts";
import { jsonOption } from "./support/options.ts";

interface Flags {
  fromReplica?: string;
  passwordFile?: string;
  dryRun?: boolean;
  json?: boolean;
}

const HELP = `
Of each document the later version stays, by its commit time: what is missing or older in the datastore is brought back as it was, with
its id, author and times; what is newer there stays; only what was deleted is deleted. Nothing is lost when it is run twice, or with the
folders of several webservers one after the other; one that was interrupted is simply started again. The source is verified first: of a
damaged one nothing is restored. A user whose name another user has is stored as <name>~<uid>, and locked.

What the columns count: added, there was none; changed, an older one was there; deleted, a document that was deleted later; marked, a
deletion kept where no document is; left, the same or a newer one is there; refused, with the reason, and exit code 1.

Examples:
  frontsync restore /var/backups/frontsync.jsonl --dry-run
  frontsync restore /var/backups/frontsync.jsonl --datastore store.example.com:9405
  frontsync restore --from-replica /var/lib/webserver/frontsync`;

/** Adds the command to the program; `cli` runs it. */
export function addRestore(program: Command, cli: Cli): void {
  const command = program
    .command("restore")
    .summary("the documents of a backup, or of a webserver, back into the datastore")
    .description("Brings the documents of a backup, or of a webserver's replica, back into the datastore.")
    .argument("[file]", "the backup")
    .option(
      "--from-replica <dir>",
      "instead of a backup: the folder of any webserver (with users.db and webstore.db), running or not",
    )
    .option("--password-file <file>", "a file that holds the password of an encrypted backup (default: it is asked for)")
    .option("--dry-run", "say what would be added, changed and deleted, and write nothing")
    .addOption(jsonOption())
    .addHelpText("after", HELP)
    .action((file: string | undefined, flags: Flags) =>
      cli.run({ json: flags.json === true, staysUp: false }, (context) => run(file, flags, context)),
    );
  withTarget(command);
}

async function run(file: string | undefined, flags: Flags, context: Context): Promise<void> {
  const { fromReplica, dryRun = false } = flags;
  if ((file === undefined) === (fromReplica === undefined))
    throw new FrontsyncError(
      "BAD_CONFIG",
      "Give a backup, or --from-replica with the folder of a webserver. See `frontsync restore --help`.",
    );
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runRestore } = await import("./support/restore/run.ts");
  const target = targetOf(flags);
  const from =
    file === undefined ? { replica: resolve(fromReplica as string) } : { file: resolve(file), passwordFile: flags.passwordFile };
  await runRestore({ from, target, dryRun }, context);
}
