/** `frontsync faults`: kills, cuts, tears and fills on this machine, and proves that nothing was lost. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import type { FaultsFlags } from "./support/faults/run.ts";
import { integer, jsonOption } from "./support/options.ts";

const MAX_ROUNDS = 100_000;
const MAX_SEED = 2 ** 31 - 1;
const MAX_PARALLEL = 16;

const EXAMPLES = `
Each round has a datastore with two handlers and three webservers of its own, in a temporary folder, and takes about 12 s. A fault counts when its
effect was seen; a round counts with 200 acknowledged operations, else it is void. Ends with 1 when an invariant is broken, when a process does
not start again, or when no round counts, and says where the histories are.

Examples:
  frontsync faults                                 ten rounds
  frontsync faults --rounds 200 --seed 7 --json    a line for each round, and one for all
  frontsync faults --faults kill-webserver,cut     these two kinds alone
  frontsync faults --list                          the kinds, and what can't be done here`;

/** Adds the command to the program; `cli` runs it. */
export function addFaults(program: Command, cli: Cli): void {
  program
    .command("faults")
    .summary("injects faults into a deployment of its own, and checks that nothing is lost")
    .description(
      "Starts a datastore and webservers in a temporary folder, works on them, injects faults (kill -9, SIGSTOP, cut connections, full disks, power cuts …), waits until all is quiet, and checks the recorded history against the eleven invariants.",
    )
    .addOption(new Option("--rounds <n>", "how many rounds").argParser(integer(1, MAX_ROUNDS)).default(10))
    .addOption(
      new Option("--seed <n>", "makes the same workload and the same faults again (default: a new one)").argParser(
        integer(0, MAX_SEED),
      ),
    )
    .addOption(
      new Option(
        "--faults <kinds>",
        "kinds of faults, with commas between them (default: all that this machine can do)",
      ).argParser(parseKinds),
    )
    .addOption(new Option("--parallel <n>", "rounds at once").argParser(integer(1, MAX_PARALLEL)).default(1))
    .option("--dir <dir>", "keep the histories and logs of all rounds here")
    .option("--list", "print the kinds of faults and what they do, and run nothing")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((flags: FaultsFlags) => cli.run({ json: flags.json === true, staysUp: false }, (context) => run(flags, context)));
}

async function run(flags: FaultsFlags, context: Context): Promise<void> {
  // What is to be known it prints itself; the processes under test write to files.
  process.env.FRONTSYNC_LOG ??= "error";
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { injectFaults, listFaults } = await import("./support/faults/run.ts");
  if (flags.list) listFaults(context);
  else await injectFaults(flags, context);
}

function parseKinds(value: string): string[] {
  const kinds = value.split(",").map((kind) => kind.trim());
  if (kinds.some((kind) => kind === "")) throw new InvalidArgumentError("Give kinds with commas between them.");
  return kinds;
}
