/** `frontsync webserver`: the reference webserver. */
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import type { WebserverOptions } from "../apps/webserver/index.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import type { Cli, Context } from "./support/cli.ts";
import { datastoreOption, integer, jsonOption, readControlAuth, withControlAuth } from "./support/options.ts";

/** The options of startWebserver, as flags. */
type Flags = Omit<WebserverOptions, "controlAuth" | "webserver" | "externalAddr"> & {
  externalAddr?: string;
  webserver?: string;
  json?: boolean;
  controlAuthFile?: string;
};

const EXAMPLES = `
Examples:
  frontsync webserver --external-addr web1.example.com --dir /var/lib/frontsync/web1 --datastore store.example.com:9405
  frontsync webserver --external-addr 127.0.0.1:8081 --port 8081 --dir ./web1 --webserver web1
  frontsync webserver --external-addr web1.example.com --listen 0.0.0.0 --key-file key.pem --certificate-file cert.pem`;

/** Adds the command to the program; `cli` runs it. */
export function addWebserver(program: Command, cli: Cli): void {
  const command = program
    .command("webserver")
    .summary("run the reference webserver: the HTTP API on a bus")
    .description(
      "Runs a webserver: its own replica of the datastore, and the HTTP API on it. Stays up until a signal, then finishes what it is answering.",
    )
    .option("--external-addr <host[:port]>", "where other webservers and the load balancer reach this one")
    .addOption(datastoreOption())
    .option("--dir <dir>", "where its own data is kept", "./frontsync-data/webserver")
    .option("--webserver <id>", "its id, unique among the webservers (default: made from --external-addr)")
    .option("--listen <address>", "the address to listen on", "127.0.0.1")
    .addOption(
      new Option("--port <port>", "the port (8080, with a certificate 8443); 0: a free one").argParser(integer(0, 65_535)),
    )
    .option("--key-file <file>", "HTTPS: the key, PEM")
    .option("--certificate-file <file>", "HTTPS: the certificate with its chain, PEM")
    .option("--trusted-proxies <address...>", "proxies in front whose X-Forwarded-* headers are believed")
    .addOption(number("--update-interval <s>", "seconds between check-ins with the datastore (10)", 1, 3600))
    .addOption(number("--session-timeout-minutes <n>", "how long a login lasts (60)", 1, 525_600))
    .addOption(number("--login-fail-lock-count <n>", "failed logins in a row that lock a user (5)", 1, 1000))
    .addOption(number("--login-fail-lock-duration-minutes <n>", "for how long (5)", 1, 525_600))
    .addOption(number("--logins-per-minute <n>", "logins that one address may try (60)", 1, 100_000))
    .addOption(number("--resource-max-size <bytes>", "the largest content of a resource (536870912)", 1, 10 ** 15 - 1))
    .addOption(number("--drain-seconds <s>", "how long its health is bad before it stops (0)", 0, 3600))
    .option("--schemas <folder...>", "folders with schema files of further collections")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((flags: Flags) => cli.run({ json: flags.json === true, staysUp: true }, (context) => run(flags, context)));
  withControlAuth(command);
}

const number = (flags: string, description: string, min: number, max: number) =>
  new Option(flags, description).argParser(integer(min, max));

async function run({ json: _json, controlAuthFile, ...flags }: Flags, context: Context): Promise<void> {
  // Loaded here, so that the help of a command does not wait for what it needs to run.
  const { runWebserver } = await import("./support/webserver/run.ts");
  const controlAuth = readControlAuth(controlAuthFile);
  const { externalAddr } = flags;
  if (externalAddr === undefined)
    throw new FrontsyncError("BAD_CONFIG", "Give --external-addr: host[:port] where other webservers reach this one.");
  const webserver = flags.webserver ?? idOf(externalAddr);
  await runWebserver(
    { ...flags, externalAddr, webserver, dir: resolve(flags.dir), ...(controlAuth !== undefined && { controlAuth }) },
    context,
  );
}

/** An address names one webserver, and so does its id. */
function idOf(externalAddr: string): string {
  return externalAddr.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 64);
}
