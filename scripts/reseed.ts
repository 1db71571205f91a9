/** `frontsync reseed`: an operator's word when the datastore is empty, older than its webservers, or another one. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { targetOf, withTarget } from "./support/config/target.ts";
import { jsonOption } from "./support/options.ts";

interface Flags {
  accept?: boolean;
  replace?: boolean;
  close?: boolean;
  from?: string[];
  json?: boolean;
}

const HELP = `
A webserver is held when the datastore does not know its data: it serves what it has, and changes nothing. Without --accept, --replace or
--close the command only says who is held, why, and what there is to do.

An empty datastore that has its keys.json is filled by itself. All else waits for you:
  --accept   The webservers send what they have. Of each document the later version stays, deletions too; the order does not matter. Until all
             have sent it, other writes wait (SEEDING).
  --replace  The webservers take over what the datastore has. What they give up is kept in recovery.jsonl in their folders.
  --close    Stops waiting for webservers that do not come. When one comes later, it is heard nevertheless.

The command waits until it is done, and may be interrupted: what was said stays said.

Examples:
  frontsync reseed
  frontsync reseed --accept --datastore store.example.com:9405
  frontsync reseed --replace --from 703v3r2rvg3ka3fv7qmk4omgno
  frontsync reseed --close`;

/** Adds the command to the program; `cli` runs it. */
export function addReseed(program: Command, cli: Cli): void {
  const command = program
    .command("reseed")
    .summary("fill an empty or older datastore from its webservers, or make them follow it")
    .description("Says what becomes of webservers that are held, because the datastore is empty, older or another one.")
    .addOption(new Option("--accept", "the webservers bring the datastore forward").conflicts(["replace", "close"]))
    .addOption(new Option("--replace", "the webservers take over what the datastore has").conflicts(["close"]))
    .option("--close", "wait for no further webserver")
    .addOption(
      new Option(
        "--from <generation>",
        "whose webservers it is about; several, with commas (default: all that are held, of one store)",
      ).argParser(generations),
    )
    .addOption(jsonOption())
    .addHelpText("after", HELP)
    .action(async (flags: Flags) => {
      if (flags.from && !flags.accept && !flags.replace) command.error("--from goes with --accept or --replace");
      await cli.run({ json: flags.json === true, staysUp: false }, (context) => run(flags, context));
    });
  withTarget(command);
}

async function run(flags: Flags, context: Context): Promise<void> {
  const { from, accept, replace, close } = flags;
  const word = accept ? "accept" : replace ? "replace" : close ? "close" : "look";
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runReseed } = await import("./support/reseed/run.ts");
  await runReseed({ word, from, target: targetOf(flags) }, context);
}

function generations(value: string): string[] {
  const names = value.split(",");
  if (names.every((name) => /^[\w-]{1,64}$/.test(name))) return names;
  throw new InvalidArgumentError("Give a generation as `frontsync reseed` shows it.");
}
