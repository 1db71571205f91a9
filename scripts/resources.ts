/** `frontsync resources`: the files that searches use, by their names. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { targetOf, withTarget } from "./support/config/target.ts";
import { jsonOption } from "./support/options.ts";
import type { Job } from "./support/resources/run.ts";

interface Flags {
  json?: boolean;
  name?: string;
  output?: string;
}

const HELP = "\nA resource is named by its name, or by its id where several have the name.";
const EXAMPLES = {
  ls: ["ls", "ls --json --datastore store.example.com:9405"],
  put: ["put lookup.csv", 'put /tmp/today.csv --name "lookup table"'],
  get: ["get lookup.csv", "get lookup.csv --output - | head"],
  rm: ["rm lookup.csv"],
};

/** Adds the commands to the program; `cli` runs them. */
export function addResources(program: Command, cli: Cli): void {
  const group = program
    .command("resources")
    .summary("list, upload, download and delete resources")
    .description("Lists, uploads, downloads and deletes resources: files that are the same on every webserver.")
    .addHelpText("after", HELP);
  const add = (
    usage: string,
    what: string,
    jobOf: (name: string, flags: Flags) => Job,
    extend = (command: Command) => command,
  ) => {
    const [name, argument] = usage.split(" ") as [keyof typeof EXAMPLES, string | undefined];
    const examples = EXAMPLES[name].map((example) => `\n  frontsync resources ${example}`);
    const command = group.command(name).summary(what.toLowerCase()).description(`${what}.`);
    if (argument) command.argument(argument);
    extend(command.addOption(jsonOption()).addHelpText("after", `\nExamples:${examples.join("")}`));
    const action = (given: string, flags: Flags) =>
      cli.run({ json: flags.json === true, staysUp: false }, (context) => run(jobOf(given, flags), flags, context));
    command.action(argument ? action : (flags: Flags) => action("", flags));
    withTarget(command);
  };
  add("ls", "Lists the resources", () => ({ do: "ls" }));
  add(
    "put <file>",
    "Uploads a file, as a new resource or a new version of the one with its name",
    (file, { name }) => ({ do: "put", file: resolve(file), name }),
    (command) => command.option("--name <name>", "the resource's name (default: the file's)"),
  );
  add(
    "get <name>",
    "Downloads a resource",
    (name, { output }) => ({ do: "get", name, output }),
    (command) => command.option("--output <file>", "where it goes; -: standard output (default: a file of its name, here)"),
  );
  add("rm <name>", "Deletes a resource", (name) => ({ do: "rm", name }));
}

async function run(job: Job, flags: Flags, context: Context): Promise<void> {
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runResources } = await import("./support/resources/run.ts");
  await runResources(job, targetOf(flags), context);
}
