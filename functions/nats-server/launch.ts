import { once } from "node:events";
import { realpath, rename, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { makeFolder } from "../../bus/platform/files.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import { type Guarded, spawnGuarded } from "./guardian.ts";
import { waitForPrevious } from "./previous.ts";
import { removePortsFiles, waitUntilReady } from "./ready.ts";

/** A server that can't start ends, and that is seen at once. One that opens a large store after a power cut reads all of it, and must come to its end: who begins
 *  anew reads it anew, for ever. */
export const START_TIMEOUT_MS = 1_200_000;
const STOP_TIMEOUT_MS = 10_000;
const LOG_LINES = 50;
const LOG_LINE_CHARS = 1000;
const DRAIN_MS = 500;

export interface LaunchOptions {
  /** From findNatsServer. */
  binary: string;
  /** The text of the configuration, from natsConfig. */
  config: string;
  /** A folder of this server's own for configuration, pid and ports; made if it is not there. */
  dir: string;
  /** Gets each line that the server logs. */
  log?: (line: string) => void;
  /** In ms, default 20 minutes: a large store takes long to open after a kill. */
  startTimeoutMs?: number;
  /** Ends a start that is not over. */
  signal?: AbortSignal;
}

export interface Exited {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface NatsServer extends AsyncDisposable {
  readonly pid: number;
  /** The one it listens on, also when 0 was asked for. */
  readonly port: number;
  /** From its INFO; a new one at each start. */
  readonly serverId: string;
  /** Resolves when it has ended, whatever the reason; never rejects. */
  readonly exited: Promise<Exited>;
  /** The last 50 lines of its log, 1,000 characters each. */
  recentLog(): readonly string[];
  /** TERM, and KILL after `timeoutMs` (default 10,000); resolves when it has ended. Idempotent. */
  stop(options?: { timeoutMs?: number }): Promise<void>;
  /** Sends it a signal; does nothing when it has ended. */
  kill(signal: NodeJS.Signals): void;
}

/** Starts nats-server as a child that never outlives this process (see guardian.ts) and resolves when it accepts connections with
 *  JetStream on. One server a folder and a store: an orphan of a killed parent is waited for, at most 15 s. Throws BAD_CONFIG when the
 *  address can't be bound (port in use, not ours to use), DIR_IN_USE when another server runs in the folder, INTERNAL with the last lines of its
 *  log when it does not start for another reason or within its time. */
export async function launchNatsServer(options: LaunchOptions): Promise<NatsServer> {
  makeFolder(options.dir);
  const dir = await realpath(options.dir); // so that a second start by another path to it is noticed
  const configFile = join(dir, "nats-server.conf");
  const pidFile = join(dir, "nats-server.pid");
  await waitForPrevious(pidFile, configFile);
  await removePortsFiles(dir);
  await writePrivately(configFile, options.config);

  const guarded = spawnGuarded(pidFile, options.binary, ["-c", configFile, "--ports_file_dir", dir]);
  const exited = endOf(guarded);
  const lines = keepLog(guarded, options.log);
  const failed = new AbortController();
  const timeoutMs = options.startTimeoutMs ?? START_TIMEOUT_MS;
  const timer = setTimeout(() => failed.abort(`it was not ready after ${timeoutMs / 1000} s`), timeoutMs);
  const onAbort = () => failed.abort("it is not wanted any more");
  options.signal?.addEventListener("abort", onAbort, { once: true });
  if (options.signal?.aborted) onAbort();
  void exited.then(({ code, signal }) => failed.abort(`it ended (${signal ?? `exit ${code}`})`));
  const pid = await guarded.pid;
  const server = { pid: pid ?? 0, exited, recentLog: () => [...lines], ...controls(pid, exited) };
  try {
    if (pid === undefined) throw new Error("it could not be started");
    return { ...server, ...(await waitUntilReady(dir, pid, failed.signal)) };
  } catch (error) {
    await server.stop({ timeoutMs: 1000 });
    await Promise.race([once(guarded.guardian, "close"), sleep(DRAIN_MS)]);
    throw startFault(error instanceof Error ? error.message : String(error), lines);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", onAbort);
  }
}

function controls(
  pid: number | undefined,
  exited: Promise<Exited>,
): Pick<NatsServer, "kill" | "stop" | typeof Symbol.asyncDispose> {
  let running = pid !== undefined;
  void exited.then(() => {
    running = false;
  });
  const kill = (signal: NodeJS.Signals) => {
    if (running && pid !== undefined) signalIfThere(pid, signal);
  };
  const stop = async ({ timeoutMs = STOP_TIMEOUT_MS } = {}) => {
    const timer = setTimeout(() => kill("SIGKILL"), timeoutMs);
    kill("SIGTERM");
    await exited;
    clearTimeout(timer);
  };
  return { kill, stop, [Symbol.asyncDispose]: () => stop() };
}

/** How the server ended, as its guardian tells it. A guardian that was itself killed takes the server with it: nobody would see
 *  that one's end any more. */
async function endOf({ guardian, pid }: Guarded): Promise<Exited> {
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done) => {
    guardian.once("exit", (...how) => done(how));
    guardian.once("error", () => done([127, null]));
  });
  if (signal !== null) {
    const orphan = await pid;
    if (orphan !== undefined) signalIfThere(orphan, "SIGKILL");
    return { code: null, signal };
  }
  const name = Object.entries(constants.signals).find(([, number]) => code === 128 + number)?.[0];
  return name === undefined ? { code, signal: null } : { code: null, signal: name as NodeJS.Signals };
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function keepLog({ output }: Guarded, log: LaunchOptions["log"]): string[] {
  const lines: string[] = [];
  for (const stream of output) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line.slice(0, LOG_LINE_CHARS));
      if (lines.length > LOG_LINES) lines.shift();
      log?.(line);
    });
  }
  return lines;
}

function startFault(reason: string, lines: readonly string[]): FrontsyncError {
  const text = lines.join("\n");
  const [, address, why] = /Error listening on port: (\S+), ".*?: ([^:"]*)"/.exec(text) ?? [];
  if (address !== undefined) {
    const port = address.slice(address.lastIndexOf(":") + 1);
    const todo = "Stop what listens there, or choose another port (0: a free one) or address.";
    return new FrontsyncError("BAD_CONFIG", `nats-server can't listen on ${address} (port ${port}): ${why}. ${todo}`, {
      cause: new Error(text),
    });
  }
  return new FrontsyncError("INTERNAL", `nats-server did not start: ${reason}. The last lines of its log:\n${text || "(none)"}`);
}

async function writePrivately(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}
