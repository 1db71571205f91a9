/** `frontsync outbox`: what waits in a webserver's folder, and what the datastore has refused. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { jsonOption } from "./support/options.ts";
import type { Job } from "./support/outbox/run.ts";

interface Flags {
  all?: boolean;
  waiting?: boolean;
  output?: string;
  json?: boolean;
}

const HELP = `
A write that waited without contact and that the datastore refused when it came is a dead letter: kept, with the reason,
until somebody retries or discards it. The webserver may run meanwhile: then it is asked to do it, which only the user who runs it may,
and a retry is sent at once.`;
const EXAMPLES = {
  ls: ["ls /var/lib/web1", "ls /var/lib/web1 --json | jq .code"],
  export: ["export /var/lib/web1 > refused.jsonl", "export /var/lib/web1 --waiting --output all.jsonl"],
  retry: ["retry /var/lib/web1 web1.5gq0c2v8k1.17", "retry /var/lib/web1 --all"],
  discard: ["discard /var/lib/web1 web1.5gq0c2v8k1.17", "discard /var/lib/web1 --all"],
};

/** Adds the commands to the program; `cli` runs them. */
export function addOutbox(program: Command, cli: Cli): void {
  const group = program
    .command("outbox")
    .summary("what waits in a webserver's folder, and what was refused")
    .description(
      "Lists and exports what waits in a webserver's folder and what the datastore has refused; retries or discards that.",
    )
    .addHelpText("after", HELP);
  const add = (name: keyof typeof EXAMPLES, description: string) => {
    const examples = EXAMPLES[name].map((example) => `\n  frontsync outbox ${example}`).join("");
    return group
      .command(name)
      .summary(description.charAt(0).toLowerCase() + description.slice(1))
      .description(`${description}.`)
      .argument("<dir>", "the webserver's folder: `dir` of its connectBus")
      .addOption(jsonOption())
      .addHelpText("after", `\nExamples:${examples}`);
  };
  const act = (dir: string, flags: Flags, job: Job) =>
    cli.run({ json: flags.json === true, staysUp: false }, (context) => run(dir, job, context));
  add("ls", "Lists what waits and what was refused").action((dir: string, flags: Flags) => act(dir, flags, { do: "ls" }));
  add("export", "Writes what was refused, with the documents, as JSON lines")
    .option("--waiting", "also what waits")
    .option("--output <file>", "where it goes (default: standard output)")
    .action((dir: string, flags: Flags) =>
      act(dir, flags, {
        do: "export",
        waiting: flags.waiting === true,
        output: flags.output === undefined ? undefined : resolve(flags.output),
      }),
    );
  for (const [name, description] of [
    ["retry", "Sends what was refused again: at once, or when the webserver starts"],
    ["discard", "Gives up what was refused"],
  ] as const)
    add(name, description)
      .argument("[mutation...]", "the mutation ids, as `ls` shows them")
      .option("--all", "everything that was refused")
      .action(async (dir: string, mutations: string[], flags: Flags, command: Command) => {
        if ((flags.all === true) === mutations.length > 0)
          command.error(`Name the mutations to ${name}, as \`frontsync outbox ls\` shows them, or give --all`);
        await act(dir, flags, { do: name, mutations: flags.all === true ? "all" : mutations });
      });
}

async function run(dir: string, job: Job, context: Context): Promise<void> {
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runOutbox } = await import("./support/outbox/run.ts");
  await runOutbox(resolve(dir), job, context);
}
