/** The command line as a whole: its commands, its version, and what happens when it is used wrongly. */
import { Command, CommanderError } from "commander";
import { VERSION } from "../../bus/platform/package.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import { addBackup } from "../backup.ts";
import { addConfig } from "../config.ts";
import { addDatastore } from "../datastore.ts";
import { addDemo } from "../demo.ts";
import { addDoctor } from "../doctor.ts";
import { addDrain } from "../drain.ts";
import { addFaults } from "../faults.ts";
import { addFuse } from "../fuse.ts";
import { addImport } from "../import.ts";
import { addLoadbalancer } from "../loadbalancer.ts";
import { addOutbox } from "../outbox.ts";
import { addRescue } from "../rescue.ts";
import { addReseed } from "../reseed.ts";
import { addResources } from "../resources.ts";
import { addRestore } from "../restore.ts";
import { addStatus } from "../status.ts";
import { addWebserver } from "../webserver.ts";
import { type Cli, createCli } from "./cli.ts";
import { createOutput, type Output } from "./output.ts";
import type { Stop } from "./signals.ts";

const USAGE_FAULT = 2;

/** Runs the command that `args` name (without node and the script) and returns the exit code: 0 only on success, 1 when it failed, 2
 *  when it was not understood, 128 + the signal's number when a signal kept it from its job. */
export async function main(
  args: readonly string[],
  stop: Stop,
  outputOf: (json: boolean) => Output = createOutput,
): Promise<number> {
  const cli = createCli(stop, outputOf);
  const program = buildProgram(cli);
  try {
    await program.parseAsync(untilUnknown(program, args), { from: "user" });
    return cli.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    // Without a command there is nothing to explain: commander has printed the help on stderr.
    if (error.code !== "commander.help") outputOf(args.includes("--json")).fault(usageFault(error, program, args));
    return USAGE_FAULT;
  }
}

/** The commander program with every command; `cli` runs them. */
export function buildProgram(cli: Cli): Command {
  const program = new Command("frontsync")
    .description("Keeps any number of web servers of one product in sync over a NATS message bus.")
    .version(VERSION, "-V, --version", "print the version")
    .exitOverride()
    // Usage faults are printed by main(), in the form of all other errors.
    .configureOutput({ outputError: () => {} })
    .addHelpText(
      "after",
      "\n`frontsync <command> --help` has the flags of a command, with examples.\nFRONTSYNC_LOG=debug shows what happens inside (JSON lines on stderr).",
    );
  const commands = [
    addDemo,
    addDatastore,
    addWebserver,
    addLoadbalancer,
    addDrain,
    addImport,
    addResources,
    addOutbox,
    addBackup,
    addRestore,
    addFuse,
    addReseed,
    addRescue,
    addStatus,
    addDoctor,
    addConfig,
    addFaults,
  ];
  for (const add of commands) add(program, cli);
  return program;
}

function usageFault(error: CommanderError, program: Command, args: readonly string[]): FrontsyncError {
  const message = error.message
    .replace(/^error: /, "")
    .trim()
    .replaceAll("\n", " ");
  return new FrontsyncError("BAD_CONFIG", `${message}. See \`${commandName(program, args)} --help\`.`.replace(/\.\. /, ". "));
}

/** `args`, or their names up to the first that no command has: at a --help beside it commander would print the help of what is before it, and succeed. */
function untilUnknown(program: Command, args: readonly string[]): readonly string[] {
  const names = args[0] === "help" ? args.slice(1) : args;
  let command = program;
  for (const [at, name] of names.entries()) {
    if (name.startsWith("-")) continue;
    if (command.commands.length === 0 || name === "help") break;
    const next = command.commands.find((candidate) => candidate.name() === name);
    if (next === undefined) return names.slice(0, at + 1).filter((before) => !before.startsWith("-"));
    command = next;
  }
  return args;
}

/** The longest part of `args` that names a command. */
function commandName(program: Command, args: readonly string[]): string {
  const names = [program.name()];
  let command: Command | undefined = program;
  for (const arg of args) {
    command = command?.commands.find((candidate) => candidate.name() === arg);
    if (command === undefined) break;
    names.push(arg);
  }
  return names.join(" ");
}
