import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { clock } from "../../bus/platform/clock.ts";
import { FrontsyncError } from "../../schemas/errors.ts";

const POLL_MS = 50;
const WAIT_MS = 15_000;

/** Waits, at most 15 s, until the server that was started before in this folder has ended: after a kill -9 of its parent its guardian
 *  takes up to 2 s, on a busy machine longer, and nats-server itself does not notice that two of it write one store. DIR_IN_USE when it stays: then it is no
 *  orphan, another process works in this folder. A process that only has the same pid, after a reboot, is not taken for it: its
 *  command line must name our configuration file. */
export async function waitForPrevious(pidFile: string, configFile: string): Promise<void> {
  const pid = Number(await readFile(pidFile, "utf8").catch(() => ""));
  if (!Number.isInteger(pid) || pid <= 0) return;
  const end = clock.monotonic() + WAIT_MS;
  while ((await commandLine(pid)).includes(configFile)) {
    if (clock.monotonic() > end) {
      throw new FrontsyncError(
        "DIR_IN_USE",
        `Another nats-server (pid ${pid}) runs with ${configFile}: stop it, or choose another folder.`,
      );
    }
    await sleep(POLL_MS);
  }
}

/** Empty when there is no such process. A zombie has none either. */
async function commandLine(pid: number): Promise<string> {
  if (process.platform === "linux") return (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ");
  const { stdout } = await promisify(execFile)("ps", ["-ww", "-o", "args=", "-p", String(pid)], { timeout: 5000 }).catch(() => ({
    stdout: "",
  }));
  return stdout;
}
