/** The parent's side: forks a process that serves jobs, and gives it orders. */
import { type ChildProcess, fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Stage } from "../stage.ts";
import type { Answer, Jobs, Order } from "./jobs.ts";

const JOB_TIMEOUT_MS = 300_000;
const END_MS = 2000;

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** A process that does the jobs of `J`, which is the type of the jobs that its file serves. */
export class Worker<J extends Jobs> {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<number, Waiting>();
  #orders = 0;
  /** Ends the process. */
  readonly close: () => Promise<void>;

  /** `file`: without its extension, relative to this folder, e.g. "../bare/handler". */
  constructor(stage: Stage, file: string) {
    this.#name = file;
    this.#child = fork(fileURLToPath(new URL(file + extname(import.meta.url), import.meta.url)), {
      stdio: ["ignore", 2, 2, "ipc"],
    });
    this.#child.on("message", (answer: Answer) => this.#answered(answer));
    this.#child.on("exit", (code, signal) => this.#fail(new Error(`the process ${file} ended (${signal ?? `exit ${code}`})`)));
    this.#child.on("error", (error) => this.#fail(error));
    this.close = stage.defer(() => this.#end());
  }

  /** Rejects when the job throws, the process ends, or there is no answer in five minutes. */
  ask<K extends keyof J & string>(job: K, input: Parameters<J[K]>[0]): Promise<Awaited<ReturnType<J[K]>>> {
    const order: Order = { number: ++this.#orders, job, input };
    return new Promise((resolve, reject) => {
      if (!this.#child.connected) return reject(new Error(`the process ${this.#name} has ended`));
      const timer = setTimeout(() => this.#answered({ number: order.number, error: `${job}: no answer` }), JOB_TIMEOUT_MS);
      this.#waiting.set(order.number, { resolve: resolve as (result: unknown) => void, reject, timer });
      this.#child.send(order);
    });
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.number);
    if (!waiting) return;
    this.#waiting.delete(answer.number);
    clearTimeout(waiting.timer);
    if ("error" in answer) waiting.reject(new Error(`${this.#name}: ${answer.error}`));
    else waiting.resolve(answer.result);
  }

  #fail(error: Error): void {
    for (const number of [...this.#waiting.keys()]) this.#answered({ number, error: error.message });
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    // Without its channel the process ends by itself, and in order: a profile that was asked for is written.
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(timer);
  }
}
