/** One process for each folder. The lock is a file that names its holder: its pid and the time at which that process started, so a lock left by a
 *  crash is known from one whose pid another process has by now; and the machine, boot and container in which that pid counts. It gets its name by
 *  `link`, whole, so of any number that come at once one has it. */
import { execFileSync } from "node:child_process";
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { sha256 } from "../../schemas/digest.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import { makeFolder } from "./files.ts";
import { randomId } from "./random.ts";

/** File systems without hard links say so in one of these ways. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];
/** Others come and go between a look and the next one. */
const MAX_TRIES = 100;
const ASK_MS = 10_000;
/** Succeeds when somebody answers at a socket of the folder that it runs in: a path from there is short enough, however deep the folder is. */
const ASK = `const s = require("node:net").connect(process.argv[1]);
s.on("connect", () => process.exit(0)).on("error", () => process.exit(1));`;

const held = new Set<string>();

interface Holder {
  pid: number;
  started: string;
  /** Where its pid counts; missing in locks of earlier versions. */
  space?: string;
}

interface Place {
  /** The lock, or who may replace one. */
  file: string;
  mine: string;
  /** Where the holder listens, if it is of a kind that does. */
  socket: string | undefined;
}

/** Makes `dir` when it is missing and takes it. `socket`: where the process that has it listens, for locks whose holder can't be seen from here: in
 *  another container, or on another machine. Throws DIR_IN_USE, or BAD_CONFIG when the folder can't be used. */
export function lockDir(dir: string, socket?: string): { release(): void } {
  const path = resolve(dir);
  const file = join(path, "lock");
  // Different from any other one, so that a lock can be told from the next one of the same process.
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid), space: SPACE, id: randomId() });
  try {
    makeFolder(path);
    if (held.has(path)) throw inUse(path, String(process.pid));
    const holder = take({ file, mine, socket });
    if (holder !== undefined) throw inUse(path, holder);
  } catch (error) {
    if (error instanceof FrontsyncError) throw error;
    throw new FrontsyncError("BAD_CONFIG", `The folder ${path} can't be used: ${(error as Error).message}`, { cause: error });
  }
  held.add(path);
  return {
    release() {
      if (held.delete(path) && textOf(file) === mine) rmSync(file, { force: true });
    },
  };
}

/** Takes a lock, also from a holder that is dead. Returns who has it; undefined: we. */
function take({ file, mine, socket }: Place): string | undefined {
  const whole = `${file}.${randomId()}`;
  writeFileSync(whole, mine, { flag: "wx", mode: 0o600 });
  try {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (linked(whole, file, mine)) return undefined;
      const text = textOf(file);
      if (text === undefined) continue; // it has just been given back
      if (text === mine) return undefined; // a network file system did it, and lost its answer
      const holder = read(text);
      if (holder && isAlive(holder, dirname(file), socket)) return nameOf(holder);
      // Between a look at it and its end it may have become another one's: so only who holds what is named after it may replace it.
      const right = `${file}-${sha256(text).toString("hex").slice(0, 16)}`;
      const other = take({ file: right, mine, socket });
      if (other !== undefined) return other;
      try {
        if (textOf(file) !== text) continue;
        renameSync(whole, file);
        return undefined;
      } finally {
        rmSync(right, { force: true });
      }
    }
    return "unknown";
  } finally {
    rmSync(whole, { force: true });
  }
}

function linked(whole: string, file: string, mine: string): boolean {
  try {
    linkSync(whole, file);
    return true;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    if (!NO_LINKS.includes(code)) throw error;
  }
  try {
    writeFileSync(file, mine, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function inUse(path: string, holder: string): FrontsyncError {
  return new FrontsyncError(
    "DIR_IN_USE",
    `The folder ${path} is in use by process ${holder}. Stop it, or choose another folder.`,
  );
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function read(text: string): Holder | undefined {
  try {
    const { pid, started, space } = JSON.parse(text) as Holder;
    return { pid, started, ...(space !== undefined && { space }) };
  } catch {
    return undefined; // torn by a loss of power
  }
}

function nameOf({ pid, space }: Holder): string {
  return isOurs(space) ? String(pid) : `${pid} of another container or machine`;
}

function isOurs(space: string | undefined): boolean {
  return space === undefined || space === SPACE;
}

function isAlive({ pid, started, space }: Holder, dir: string, socket: string | undefined): boolean {
  if (isOurs(space)) return startOf(pid) === started;
  if (socket === undefined) return false;
  try {
    execFileSync(process.execPath, ["-e", ASK, socket], { cwd: dir, env: {}, timeout: ASK_MS, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** In which boot of which machine, and in which container of it, a pid means one process; empty: on this machine, for all that is known. */
const SPACE = ((): string => {
  if (process.platform !== "linux") return "";
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return "";
  }
})();

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
