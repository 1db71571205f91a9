/** A bare machine for docs/operations.md: a temporary root, in which what would change the real one has a stand-in. */
import { execFile } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { findNatsServer } from "../../functions/nats-server/index.ts";
import { script } from "./nats-server-kit.ts";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");
const COMMAND_MS = 300_000;
const FOLDERS = ["usr/local/bin", "usr/lib/sysusers.d", "etc/frontsync", "etc/systemd/system", "var/lib", "var/backups"];

export interface Machine {
  root: string;
  env: NodeJS.ProcessEnv;
  /** A free port for the webserver: the document leaves it at the usual one, which a test can't have. */
  webPort: number;
  /** A text of the document, or a file that belongs to it, as it is on this machine. */
  here(text: string): string;
  /** Runs a block's commands; the first that fails ends it. Rejects with what was printed. */
  run(commands: string): Promise<string>;
}

/** What is fetched from a network or would change this machine's users is stood in for; each stand-in refuses what it was not made for. */
export async function bareMachine(root: string): Promise<Machine> {
  const [bin, home] = [join(root, "stand-ins"), join(root, "home")];
  script(bin, "apt-get", '[ "$1" = update ] || [ "$1" = install ]');
  script(bin, "npm", '[ "$1" = ci ]');
  script(bin, "chgrp", '[ "$1" = frontsync ] && shift && ls "$@" >/dev/null');
  script(bin, "systemd-sysusers", `grep -q "^g frontsync " ${root}/usr/lib/sysusers.d/frontsync.conf`);
  for (const folder of FOLDERS) if (folder !== "etc/frontsync") mkdirSync(join(root, folder), { recursive: true });
  // As if it had been fetched: what is fetched is tested elsewhere.
  const { path: server } = await findNatsServer();
  mkdirSync(join(home, ".cache/frontsync/nats-server-here"), { recursive: true });
  symlinkSync(server, join(home, ".cache/frontsync/nats-server-here/nats-server"));

  const [port, webPort] = [await freePort(), await freePort()];
  const paths = new RegExp(`(/opt/frontsync)|/(${FOLDERS.join("|")})(?![\\w.])`, "g");
  const here = (text: string) =>
    text
      .replaceAll(paths, (_, ours: string | undefined, folder: string) => (ours ? ROOT : join(root, folder)))
      .replaceAll("10.0.0.5", "127.0.0.1")
      .replaceAll("9405", String(port));
  const env = {
    ...process.env,
    HOME: home,
    NATS_SERVER: server,
    PATH: `${bin}:${join(root, "usr/local/bin")}:${process.env.PATH}`,
  };
  const run = async (commands: string) => {
    const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", here(commands)], {
      cwd: root,
      env,
      timeout: COMMAND_MS,
    });
    return stdout;
  };
  return { root, env, webPort, here, run };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
