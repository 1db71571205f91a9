/** A process under test: forked with its own clock, in its own process group, its words in a file. */
import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ENDING = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
const entry = (name: string) => new URL(`../under-test/${name}${ENDING}`, import.meta.url);

export interface ChildOptions {
  program: "webserver" | "datastore";
  /** Holds the ms by which its clock is off. */
  clockFile: string;
  logFile: string;
}

export function startChild({ program, clockFile, logFile }: ChildOptions): ChildProcess {
  const log = openSync(logFile, "a", 0o600);
  const NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ""} --import=${entry("moved-clock").href}`.trim();
  try {
    return fork(fileURLToPath(entry(program)), [], {
      env: { ...process.env, NODE_OPTIONS, FRONTSYNC_FAULTS_CLOCK: clockFile },
      execArgv: [],
      // A Ctrl-C at the terminal is for the driver.
      detached: true,
      stdio: ["ignore", log, log, "ipc"],
    });
  } finally {
    closeSync(log);
  }
}

/** Resolves when it has ended. */
export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}
