/** One process for each folder. The lock is a file with the holder's pid and the time at which that process started, so a lock left
 *  by a crash is known from one whose pid another process has by now. */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { FrontsyncError } from "../../schemas/errors.ts";
import { makeFolder } from "./files.ts";

const held = new Set<string>();

/** Makes `dir` when it is missing and takes it. Throws DIR_IN_USE, or BAD_CONFIG when the folder can't be used. */
export function lockDir(dir: string): { release(): void } {
  const path = resolve(dir);
  const file = join(path, "lock");
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid) });
  try {
    makeFolder(path);
    if (held.has(path)) throw inUse(path, process.pid);
    // Twice: a lock left by a crash is taken away, and whoever then comes first has it.
    for (const last of [false, true]) {
      try {
        writeFileSync(file, mine, { flag: "wx", mode: 0o600 });
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        const holder = readHolder(file);
        if (last || (holder && startOf(holder.pid) === holder.started)) throw inUse(path, holder?.pid);
        rmSync(file, { force: true });
      }
    }
  } catch (error) {
    if (error instanceof FrontsyncError) throw error;
    throw new FrontsyncError("BAD_CONFIG", `The folder ${path} can't be used: ${(error as Error).message}`, { cause: error });
  }
  held.add(path);
  return {
    release() {
      if (held.delete(path)) rmSync(file, { force: true });
    },
  };
}

function inUse(path: string, pid: number | undefined): FrontsyncError {
  return new FrontsyncError(
    "DIR_IN_USE",
    `The folder ${path} is in use by process ${pid ?? "unknown"}. Stop it, or choose another folder.`,
  );
}

function readHolder(file: string): { pid: number; started: string } | undefined {
  try {
    const { pid, started } = JSON.parse(readFileSync(file, "utf8")) as { pid: number; started: string };
    return { pid, started };
  } catch {
    return undefined; // torn by a crash
  }
}

/** When a process started, in the system's own words; empty: there is none. */
function startOf(pid: number): string {
  try {
    if (process.platform === "linux") {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      // Field 3, the state: a zombie holds nothing any more. Field 22: start time since boot.
      return fields[0] === "Z" ? "" : (fields[19] ?? "");
    }
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", timeout: 5000 }).trim();
  } catch {
    return "";
  }
}
