/** `frontsync demo`: the main job, on one machine, in one line. */

import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { DEFAULT_PORT } from "../bus/wire/address.ts";
import type { Cli, Context } from "./support/cli.ts";
import { integer, jsonOption, natsOption, readControlAuth, withControlAuth } from "./support/options.ts";

interface Flags {
  dir: string;
  port: number;
  nats?: string;
  check?: boolean;
  json?: boolean;
  controlAuthFile?: string;
}

const EXAMPLES = `
Examples:
  frontsync demo                      start it, and look; Ctrl-C stops it, the data stays
  frontsync demo --port 0             on a free port, beside something that has ${DEFAULT_PORT}
  frontsync demo --check              is frontsync all right on this machine? One line of JSON, exit 0 when it is
  frontsync demo --nats 127.0.0.1:4222`;

/** Adds the command to the program; `cli` runs it. */
export function addDemo(program: Command, cli: Cli): void {
  const command = program
    .command("demo")
    .summary("a datastore, and three webservers behind a load balancer, on this machine, with sample dashboards")
    .description(
      "Starts a datastore, and three webservers behind a load balancer, on this machine, writes sample dashboards on one and shows them arriving in the others' own databases. Stays up until Ctrl-C.",
    )
    .option("--dir <dir>", "where the data is kept", "./frontsync-data")
    .addOption(
      new Option("--port <port>", "the datastore's port; 0: a free one").argParser(integer(0, 65535)).default(DEFAULT_PORT),
    )
    .addOption(natsOption())
    .option("--check", "do it once on a free port in a temporary folder, assert that it works, and print one line of JSON")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((flags: Flags) =>
      cli.run({ json: flags.json || flags.check === true, staysUp: !flags.check }, (context) => run(flags, context)),
    );
  withControlAuth(command);
}

async function run(flags: Flags, context: Context): Promise<void> {
  // What is to be known it prints itself, from the status.
  process.env.FRONTSYNC_LOG ??= "error";
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { checkDemo, runDemo } = await import("./support/demo/run.ts");
  const controlAuth = readControlAuth(flags.controlAuthFile);
  const options = {
    ...(flags.nats === undefined ? {} : { nats: flags.nats }),
    ...(controlAuth === undefined ? {} : { controlAuth }),
  };
  if (flags.check) await checkDemo({ ...options, port: 0 }, context);
  else await runDemo({ ...options, port: flags.port, dir: resolve(flags.dir) }, context);
}
