/** A command that stays up, with --json, and what it has printed so far. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually } from "./nats-server-kit.ts";

const COMMAND = fileURLToPath(new URL("../../scripts/frontsync.js", import.meta.url));
const START_MS = 180_000;

export interface Running {
  child: ChildProcess;
  /** The JSON lines so far. */
  lines(): Record<string, unknown>[];
  /** What it has written to standard error. */
  notes(): string;
  ended: Promise<unknown>;
}

/** Starts the built command; it is killed with the test. What is undefined in `env` is not set. */
export function running(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [COMMAND, ...args, "--json"], {
    env: { ...process.env, npm_execpath: undefined, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  let [text, notes] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    notes += chunk;
  });
  const lines = () =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { child, lines, notes: () => notes, ended: once(child, "close").then(([code, signal]: unknown[]) => code ?? signal) };
}

/** The first line of a command that stays up, when it has started. */
export async function firstLine<T>({ child, lines, notes }: Running): Promise<T> {
  const [line] = await eventually("the command has started", START_MS, () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${notes()}`);
    return lines().length > 0 && lines();
  });
  return line as T;
}

export interface RunningDatastore extends Running {
  address: string;
  pids: { natsServer: number; handlers: number[] };
}

/** `frontsync datastore` with these flags, when it has started. */
export async function runningDatastore(
  t: TestContext,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<RunningDatastore> {
  const started = running(t, ["datastore", "--sync", "default", ...args], env);
  const { datastore } = await firstLine<{ datastore: Pick<RunningDatastore, "address" | "pids"> }>(started);
  const { address, pids } = datastore;
  return { ...started, address, pids };
}
