/** The command line: within the test's process where the test is about what a command does; as a process of its own where it is about that. */
import { type ChildProcess, execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { hooks } from "../../bus/wire/hooks.ts";
import { createOutput } from "../../scripts/support/output.ts";
import { main } from "../../scripts/support/program.ts";
import type { Reported } from "../../scripts/support/restore/report.ts";
import type { Counts, RestoreSummary } from "../../scripts/support/restore/send.ts";

/** A machine may stand still while a command that runs here waits for the datastore. */
hooks.answerMs = 10_000;

const COMMAND = fileURLToPath(new URL("../../scripts/frontsync.js", import.meta.url));

export interface Ended {
  code: number | string;
  stdout: string;
  stderr: string;
}

/** Runs a command here to its end. */
export async function frontsync(...args: string[]): Promise<Ended> {
  return await stoppable(new AbortController(), ...args);
}

/** The same; whoever aborts the controller interrupts it as a signal would: the reason is a `Stopped`. */
export async function stoppable(controller: AbortController, ...args: string[]): Promise<Ended> {
  const printed = { stdout: "", stderr: "" };
  const into = (name: keyof typeof printed) => ({
    write(text: string) {
      printed[name] += text;
    },
  });
  const { signal } = controller;
  const requested = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  const code = await main(args, { signal, requested, onHangup: () => () => {} }, (json) =>
    createOutput(json, into("stdout"), into("stderr")),
  );
  return { code, ...printed };
}

/** The running command as a process of its own, for signals. */
export function startCommand(...args: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  return startCommandWith(process.env, ...args);
}

/** The same, with an environment of its own. */
export function startCommandWith(env: NodeJS.ProcessEnv, ...args: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const running = promisify(execFile)(process.execPath, [COMMAND, ...args], { env, timeout: 300_000, maxBuffer: 16 << 20 });
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

export type Restored = Omit<RestoreSummary, "collections"> &
  Reported & { ok: boolean; collections: Record<string, Counts | undefined>; code: number | string; stderr: string };

/** Runs `frontsync restore` here, and gives what it prints. */
export async function restored(...args: string[]): Promise<Restored> {
  return await figures<Restored>("restore", ...args);
}
