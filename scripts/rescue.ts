/** `frontsync rescue`: for when nobody can log in who could help. */
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { targetOf, withTarget } from "./support/config/target.ts";
import { jsonOption } from "./support/options.ts";
import type { Rescue } from "./support/rescue/run.ts";

interface Flags {
  dir?: string;
  passwordFile?: string;
  json?: boolean;
}

const COMMANDS: { what: Rescue["what"]; summary: string; description: string; example: string }[] = [
  {
    what: "unlock",
    summary: "unlock a user, whoever or whatever locked it",
    description: "Ends an admin's lock of a user and a lock from failed logins.",
    example: "frontsync rescue unlock admin\n  frontsync rescue unlock admin --dir /var/lib/frontsync",
  },
  {
    what: "set-password",
    summary: "give a user another password",
    description: "Sets a user's password and ends the user's sessions. It is asked for, or read from a file.",
    example: "frontsync rescue set-password admin\n  frontsync rescue set-password admin --password-file ./password",
  },
  {
    what: "clear-failures",
    summary: "forget a user's failed logins",
    description: "Forgets a user's failed logins and ends the lock that they caused; an admin's lock stays.",
    example: "frontsync rescue clear-failures admin",
  },
];

const HELP = `
A running datastore is named by --datastore. A stopped one can be helped in its folder (--dir): it is started for a moment, on this
machine alone, and stopped again.`;

/** Adds the commands to the program; `cli` runs them. */
export function addRescue(program: Command, cli: Cli): void {
  const group = program
    .command("rescue")
    .summary("unlock a user, or set a password, when no admin can")
    .description("Helps a user back in, with the secret that webservers share with the datastore, when no admin can.")
    .addHelpText("after", HELP);
  for (const { what, summary, description, example } of COMMANDS) {
    const command = group
      .command(what)
      .summary(summary)
      .description(description)
      .argument("<user>", "what the user logs in with")
      .addOption(new Option("--dir <folder>", "the folder of a datastore that is stopped").conflicts("datastore"));
    if (what === "set-password")
      command.option("--password-file <file>", "a file that holds the new password (default: it is asked for)");
    command
      .addOption(jsonOption())
      .addHelpText("after", `\nExamples:\n  ${example}`)
      .action((user: string, flags: Flags) =>
        cli.run({ json: flags.json === true, staysUp: false }, (context) => run(what, user, flags, context)),
      );
    withTarget(command);
  }
}

async function run(what: Rescue["what"], user: string, flags: Flags, context: Context): Promise<void> {
  const { dir, passwordFile } = flags;
  const place = dir === undefined ? { target: targetOf(flags) } : { dir: resolve(dir) };
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runRescue } = await import("./support/rescue/run.ts");
  const { readPassword } = await import("./support/password.ts");
  const rescue: Rescue =
    what === "set-password" ? { what, password: await readPassword(passwordFile, "new", context.stop.signal) } : { what };
  await runRescue(rescue, user, place, context);
}
