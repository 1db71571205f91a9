/** `frontsync backup FILE`: every document of a datastore in one file. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { schemasOf, targetOf, withTarget } from "./support/config/target.ts";
import { jsonOption } from "./support/options.ts";

interface Flags {
  omitSecrets?: boolean;
  password?: boolean;
  passwordFile?: string;
  schemas?: string[];
  json?: boolean;
}

const HELP = `
The file has every document of every collection as it was at one revision, deletions too, and the contents of resources, as JSON lines
with a seal at the end. It appears under its name when it is whole and on disk; until then a file that is there already stays. Webservers
go on meanwhile. What waits in the outbox of a webserver without contact is not in it, nor is the datastore's keys.json. While the
datastore is restored (RESTORING), or filled from its webservers (SEEDING), there is no backup: it would be of a half.

Examples:
  frontsync backup /var/backups/frontsync.jsonl
  frontsync backup shared.jsonl --omit-secrets
  frontsync backup /var/backups/frontsync.backup --password-file /etc/frontsync/backup-password
  frontsync backup /var/backups/frontsync.jsonl --datastore store.example.com:9405 --json`;

/** Adds the command to the program; `cli` runs it. */
export function addBackup(program: Command, cli: Cli): void {
  const command = program
    .command("backup")
    .summary("every document and content of the datastore in one file")
    .description("Writes every document of the datastore, and the contents of resources, to one file, for `frontsync restore`.")
    .argument("<file>", "the file to write")
    .option("--omit-secrets", "leave out the users' password hashes, and every other secret field")
    .option("--password", "encrypt the file with a password, which is asked for")
    .option("--password-file <file>", "encrypt it with the password that this file holds")
    .option("--schemas <folder...>", "folders with schema files of further collections, for --omit-secrets")
    .addOption(jsonOption())
    .addHelpText("after", HELP)
    .action((file: string, flags: Flags) =>
      cli.run({ json: flags.json === true, staysUp: false }, (context) => run(file, flags, context)),
    );
  withTarget(command);
}

async function run(file: string, flags: Flags, context: Context): Promise<void> {
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runBackup } = await import("./support/backup/run.ts");
  const { omitSecrets = false } = flags;
  const [target, schemas] = [targetOf(flags), schemasOf(flags)];
  const { readPassword } = await import("./support/password.ts");
  const asked = flags.password === true || flags.passwordFile !== undefined;
  const password = asked ? await readPassword(flags.passwordFile, "new", context.stop.signal) : undefined;
  await runBackup({ file: resolve(file), target, omitSecrets, password, schemas }, context);
}
