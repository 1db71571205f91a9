/** Processes from outside: whether they run, are stopped or gone, and what memory they take. */
import { readFileSync } from "node:fs";
import { until } from "../clock.ts";

const SEEN_MS = 5000;

/** R, S, T, Z …; undefined: there is none. Elsewhere than on Linux only whether there is one. */
export function stateOf(pid: number): string | undefined {
  if (process.platform !== "linux") return isThere(pid) ? "S" : undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[0];
  } catch {
    return undefined;
  }
}

/** Resident bytes; undefined: not known here. */
export function memoryOf(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

/** Whether it is gone, at the latest after 5 s. */
export async function isGone(pid: number): Promise<boolean> {
  return (await until(SEEN_MS, () => [undefined, "Z"].includes(stateOf(pid)))) === true;
}

/** Stops it where it is: it holds its sockets and answers nothing. Whether that was seen. */
export async function freeze(pid: number): Promise<boolean> {
  send(pid, "SIGSTOP");
  return (await until(SEEN_MS, () => stateOf(pid) === "T")) === true;
}

/** Sends a signal, also to one that is gone. */
export function send(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
