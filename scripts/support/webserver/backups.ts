/** Backups of a webserver: the commands `backup` and `restore`, each in a process of its own, so that nobody who is logged in waits for them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Backups } from "../../../apps/webserver/backups.ts";
import type { WebserverOptions } from "../../../apps/webserver/index.ts";
import { FrontsyncError, isErrorCode } from "../../../schemas/errors.ts";
import { DECLARATIONS, KEY_NAMES, variablesOf } from "../config/keys/index.ts";

const MAX_OUTPUT = 16 * 1024 * 1024;

type About = Pick<WebserverOptions, "datastore" | "controlAuth" | "schemas">;

/** Of the datastore that these options name; `flags`: how it is reached. */
export function commandBackups({ datastore, controlAuth, schemas = [] }: About, flags: readonly string[] = []): Backups {
  const common = ["--datastore", [datastore].flat().join(","), "--json", ...flags];

  async function run(args: readonly string[], file: string, password: string | undefined, signal: AbortSignal): Promise<object> {
    const passwordFile = `${file}.password`;
    // A process's arguments are seen by everybody on the machine.
    if (password !== undefined) await writeFile(passwordFile, password, { mode: 0o600 });
    try {
      const secret = password === undefined ? [] : ["--password-file", passwordFile];
      return await runCommand([...args, ...common, ...secret, "--", file], controlAuth, signal);
    } finally {
      await rm(passwordFile, { force: true });
    }
  }

  return {
    async write(file, { password, omitSecrets, signal }) {
      const own = [...(omitSecrets ? ["--omit-secrets"] : []), ...(schemas.length > 0 ? ["--schemas", ...schemas] : [])];
      await run(["backup", ...own], file, password, signal);
    },
    async restore(file, { password, mode, dryRun, signal }) {
      return await run(["restore", "--mode", mode, ...(dryRun ? ["--dry-run"] : [])], file, password, signal);
    },
  };
}

/** The JSON line that it prints. Throws the error that it prints. */
async function runCommand(args: readonly string[], controlAuth: string | undefined, signal: AbortSignal): Promise<object> {
  const command = fileURLToPath(new URL(`../../frontsync${extname(import.meta.url)}`, import.meta.url));
  const env = { ...withoutSettings(process.env), ...(controlAuth !== undefined && { FRONTSYNC_CONTROL_AUTH: controlAuth }) };
  const child = spawn(process.execPath, [command, ...args], { env, stdio: ["ignore", "pipe", "ignore"], signal });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text = `${text}${chunk}`.slice(-MAX_OUTPUT);
  });
  await once(child, "close");
  const told = parsed(text.trim().split("\n").at(-1) ?? "");
  const { error } = told as { error?: { code: string; message: string } };
  if (error) throw new FrontsyncError(isErrorCode(error.code) ? error.code : "INTERNAL", error.message);
  return told;
}

/** Which settings count was decided when the webserver started, also between its file and these: a secret in a file of its own would be one too many. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = new Set(KEY_NAMES.flatMap((key) => variablesOf(DECLARATIONS[key]).flatMap((name) => [name, `${name}_FILE`])));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.has(name)));
}

function parsed(line: string): object {
  try {
    return JSON.parse(line) as object;
  } catch (cause) {
    throw new FrontsyncError("INTERNAL", "The command ended without a word.", { cause });
  }
}
