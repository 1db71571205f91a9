/** `frontsync datastore`: the datastore of a deployment. */
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import type { Cli, Context } from "./support/cli.ts";
import { DEFAULT_PORT, integer, jsonOption, natsOption, readControlAuth, withControlAuth } from "./support/options.ts";

const MAX_HANDLERS = 64;

interface Flags {
  dir: string;
  listen: string;
  port: number;
  nats?: string;
  handlers: number;
  sync: "always" | "default";
  json?: boolean;
  controlAuthFile?: string;
}

const EXAMPLES = `
Examples:
  frontsync datastore --dir /var/lib/frontsync
  FRONTSYNC_CONTROL_AUTH=... frontsync datastore --listen 0.0.0.0 --handlers 2
  frontsync datastore --nats nats1.example.com:4222 --control-auth-file /etc/frontsync/control-auth`;

/** Adds the command to the program; `cli` runs it. */
export function addDatastore(program: Command, cli: Cli): void {
  const command = program
    .command("datastore")
    .summary("run the datastore that webservers connect to")
    .description(
      "Runs the datastore: an embedded nats-server (or the one of --nats) and the functions that keep its documents. Stays up until a signal, then drains.",
    )
    .option("--dir <dir>", "where the data is kept", "./frontsync-data/datastore")
    .option("--listen <address>", "the address to listen on", "127.0.0.1")
    .addOption(new Option("--port <port>", "the port; 0: a free one").argParser(integer(0, 65535)).default(DEFAULT_PORT))
    .addOption(natsOption().conflicts(["listen", "port"]))
    .addOption(new Option("--handlers <n>", "processes that answer requests").argParser(integer(1, MAX_HANDLERS)).default(1))
    .addOption(
      new Option(
        "--sync <when>",
        "when a write is acknowledged: after its fsync (always), or before; then a power cut can lose two minutes (default)",
      )
        .choices(["always", "default"])
        .default("always"),
    )
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((flags: Flags) => cli.run({ json: flags.json === true, staysUp: true }, (context) => run(flags, context)));
  withControlAuth(command);
}

async function run({ listen, port, nats, handlers, sync, ...flags }: Flags, context: Context): Promise<void> {
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runDatastore } = await import("./support/datastore/run.ts");
  const controlAuth = readControlAuth(flags.controlAuthFile);
  const where = nats === undefined ? { listen, port } : { nats };
  const secret = controlAuth === undefined ? {} : { controlAuth };
  await runDatastore({ dir: resolve(flags.dir), handlers, sync, ...where, ...secret }, context);
}
