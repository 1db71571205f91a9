/** `frontsync restore FILE`: the documents of a backup, or of a webserver, back into the datastore. */
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { schemasOf, targetOf, withTarget } from "./support/config/target.ts";
import { jsonOption } from "./support/options.ts";
import type { Mode } from "./support/restore/source.ts";

interface Flags {
  fromReplica?: string;
  passwordFile?: string;
  mode: Mode;
  dryRun?: boolean;
  abort?: boolean;
  schemas?: string[];
  json?: boolean;
}

const HELP = `
The source is verified first: of a damaged one nothing is restored. --mode merge: of each document the later version stays, by its commit
time: what is missing or older in the datastore is brought back as it was, with its id, author and times; what is newer there stays; only
what was deleted is deleted. So the folders of several webservers may follow one another. A user whose name another user has is stored as
<name>~<uid>, and locked. --mode replace: the datastore becomes what the source is; what the source has not is deleted.

While a restore runs nobody logs in and nobody else writes (RESTORING; what webservers have queued waits), and at its end every session is
over. One that was interrupted goes on when the same command is run again; --abort gives it up, and what it has written stays.

What the columns count: added, there was none; changed, another one was there; deleted; marked, a deletion kept where no document is; left,
the same or a newer one is there; refused, with the reason, and exit code 1.

Examples:
  frontsync restore /var/backups/frontsync.jsonl --dry-run
  frontsync restore /var/backups/frontsync.jsonl --datastore store.example.com:9405
  frontsync restore /var/backups/frontsync.jsonl --mode replace
  frontsync restore --from-replica /var/lib/webserver/frontsync
  frontsync restore --abort`;

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
    .addOption(
      new Option("--mode <mode>", "of each document the later version, or all as in the source")
        .choices(["merge", "replace"])
        .default("merge"),
    )
    .option("--dry-run", "say what would be added, changed and deleted, and write nothing")
    .option("--abort", "give up the restore that is under way, or was interrupted")
    .option("--schemas <folder...>", "folders with schema files of further collections")
    .addOption(jsonOption())
    .addHelpText("after", HELP)
    .action(async (file: string | undefined, flags: Flags) => {
      const sources = [file, flags.fromReplica].filter((source) => source !== undefined).length;
      if (flags.abort ? sources > 0 || flags.dryRun : sources !== 1)
        command.error("Give a backup, or --from-replica with the folder of a webserver, or --abort alone");
      await cli.run({ json: flags.json === true, staysUp: false }, (context) => run(file, flags, context));
    });
  withTarget(command);
}

async function run(file: string | undefined, flags: Flags, context: Context): Promise<void> {
  const { fromReplica, mode, dryRun = false, abort = false } = flags;
  const [target, schemas] = [targetOf(flags), schemasOf(flags)];
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  if (abort) {
    const { runAbort } = await import("./support/restore/abort.ts");
    return await runAbort(target, context);
  }
  const { runRestore } = await import("./support/restore/run.ts");
  const from =
    file === undefined ? { replica: resolve(fromReplica as string) } : { file: resolve(file), passwordFile: flags.passwordFile };
  await runRestore({ from, mode, target, schemas, dryRun }, context);
}
