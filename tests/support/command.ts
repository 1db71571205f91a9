/** The built command, run as a user runs it. */
import { type ChildProcess, execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const COMMAND = fileURLToPath(new URL("../../scripts/frontsync.js", import.meta.url));

export interface Ended {
  code: number | string;
  stdout: string;
  stderr: string;
}

export async function frontsync(...args: string[]): Promise<Ended> {
  return await startCommand(...args).ended;
}

/** The running command, for signals. */
export function startCommand(...args: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const running = promisify(execFile)(process.execPath, [COMMAND, ...args], { timeout: 60_000, maxBuffer: 16 << 20 });
  const ended = running.then(
    (output) => ({ code: 0, ...output }),
    (error: Ended) => error,
  );
  return { child: running.child, ended };
}

/** Runs it with --json, and gives the line that it prints. */
export async function figures<T>(...args: string[]): Promise<T & { code: number | string; stderr: string }> {
  const { code, stdout, stderr } = await frontsync(...args, "--json");
  return { ...(JSON.parse(stdout.trim().split("\n")[0] ?? "") as T), code, stderr };
}
