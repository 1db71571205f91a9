/** Keeps a number of handler processes running: one that dies is started again. */
import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { clock } from "../../bus/platform/clock.ts";
import { atMost, pause, within } from "../../bus/platform/deadline.ts";
import { log } from "../../bus/platform/log.ts";
import { asFrontsyncError, FrontsyncError, isErrorCode } from "../../schemas/errors.ts";
import type { HandlerConfig } from "../host/handler.ts";
import type { HandlerOrder, HandlerReport } from "../host/process.ts";

const ENTRY = fileURLToPath(new URL(`../host/process${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
/** A handler's work is one thread's. Where cores are few, V8's four helper threads (collector, compiler) take more from nats-server and the
 *  webservers than they give; 0 means as many as there are cores, less one. On 2 cores a put took 181 µs of CPU so, 204 and 221 with four
 *  (one run each). */
const FLAGS = availableParallelism() <= 4 ? ["--v8-pool-size=0"] : [];
const READY_MS = 30_000;
/** Nobody waits for one that is started again: on a machine that is that slow, to begin anew would not help. */
const AGAIN_READY_MS = 120_000;
const STOP_MS = 10_000;
const MAX_PAUSE_MS = 2000;
const AGAIN_MS = 250;
/** A machine that is busy may not let a handler start at once. */
const FIRST_TRIES = 4;

export class HandlerPool {
  readonly #size: number;
  #config: HandlerConfig;
  readonly #children = new Set<ChildProcess>();
  readonly #stopping = new AbortController();
  #slots: Promise<void>[] = [];
  #generation = "";

  constructor(size: number, config: HandlerConfig) {
    this.#size = size;
    this.#config = config;
  }

  get pids(): number[] {
    return [...this.#children].flatMap(({ pid }) => pid ?? []);
  }

  get generation(): string {
    return this.#generation;
  }

  /** Resolves when all of them answer. Throws what the first of them that can't start says. */
  async start(): Promise<void> {
    const children = await Promise.all(Array.from({ length: this.#size }, () => this.#first()));
    this.#slots = children.map((child) => this.#keep(child));
  }

  /** Of those that run, and of those that come. */
  setLogLevel(logLevel: string): void {
    this.#config = { ...this.#config, logLevel };
    for (const child of this.#children) child.send({ logLevel } satisfies HandlerOrder, () => {});
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const ended = [...this.#children].map(async (child) => {
      const exit = exited(child);
      child.kill("SIGTERM");
      await atMost(STOP_MS, exit);
      child.kill("SIGKILL");
      await exit;
    });
    await Promise.all([...ended, ...this.#slots]);
  }

  /** A connection that broke just then is no reason to give up: another one is started, as it would be later. */
  async #first(): Promise<ChildProcess> {
    const end = clock.monotonic() + READY_MS;
    for (let attempt = 1; ; attempt++) {
      const { ready } = this.#spawn();
      try {
        return await within(ready, "Starting a handler", { timeoutMs: Math.max(1, end - clock.monotonic()) });
      } catch (thrown) {
        const error = asFrontsyncError(thrown);
        const isEnd = attempt >= FIRST_TRIES || clock.monotonic() > end || this.#stopping.signal.aborted;
        if (!error.retryable || isEnd) throw error;
        log.warn({ err: error }, "a handler could not start yet");
        await pause(AGAIN_MS, this.#stopping.signal);
      }
    }
  }

  async #keep(first: ChildProcess): Promise<void> {
    let child: ChildProcess | undefined = first;
    for (let wait = 50; ; wait = Math.min(wait * 2, MAX_PAUSE_MS)) {
      if (child) {
        const how = await exited(child);
        if (this.#stopping.signal.aborted) return;
        log.error(how, "a handler died and is started again");
        wait = 50;
      }
      await pause(wait, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      const next = this.#spawn();
      const ready = within(next.ready, "Starting a handler again", { timeoutMs: AGAIN_READY_MS });
      child = await ready.catch((error: unknown) => {
        log.error({ err: error }, "a handler could not be started again");
        next.child.kill("SIGKILL");
        return undefined;
      });
    }
  }

  #spawn(): { child: ChildProcess; ready: Promise<ChildProcess> } {
    // Its own arguments only: flags of a test runner or debugger are the parent's. Its own process group: a Ctrl-C at the terminal is
    // for the parent, which drains first the handlers, then nats-server.
    const child = fork(ENTRY, [], { execArgv: FLAGS, detached: true, stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#children.add(child);
    const ready = new Promise<ChildProcess>((resolve, reject) => {
      child.once("exit", (code, signal) => {
        this.#children.delete(child);
        reject(new FrontsyncError("INTERNAL", `A handler ended (${signal ?? code}) before it was ready.`));
      });
      child.once("error", reject);
      child.on("message", (report: HandlerReport) => {
        if (report.ready) {
          this.#generation = report.generation;
          resolve(child);
        } else reject(new FrontsyncError(isErrorCode(report.code) ? report.code : "INTERNAL", report.message));
      });
    });
    ready.catch(() => {});
    child.send(this.#config, () => {});
    return { child, ready };
  }
}

function exited(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const { exitCode: code, signalCode: signal } = child;
  if (code !== null || signal !== null) return Promise.resolve({ code, signal });
  return new Promise((resolve) => child.once("exit", (exitCode, exitSignal) => resolve({ code: exitCode, signal: exitSignal })));
}
