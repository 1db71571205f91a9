/** A webserver under test as the driver sees it: it is asked, killed, and started again. What it is asked and what it answers is recorded. */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Answer, type Asked, type Final, marksIn } from "../check/history.ts";
import { now, until } from "../clock.ts";
import type { FromWebserver, ToWebserver, WebserverOrder, WebserverStatus } from "../messages.ts";
import type { Recorder } from "../recorder.ts";
import { ended, startChild } from "./child.ts";
import type { CutProxy } from "./proxy.ts";
import type { Volume } from "./volume.ts";

const OPEN_MS = 60_000;
const ANSWER_MS = 30_000;

export interface Outcome {
  op: number;
  kind: "ok" | "failed" | "unknown";
  answer: Answer;
  code?: string;
}

interface Waiting {
  resolve(message: FromWebserver | undefined): void;
}

export class Webserver {
  readonly name: string;
  readonly proxy: CutProxy;
  readonly volume: Volume | undefined;
  readonly clockFile: string;
  readonly #order: WebserverOrder;
  readonly #recorder: Recorder;
  readonly #logFile: string;
  #child: ChildProcess | undefined;
  #next: ChildProcess | undefined;
  #waiting = new Map<number, Waiting>();
  #n = 0;
  #life = 0;
  #open = false;
  status: WebserverStatus | undefined;
  /** How often it has found that the store is not the one of its data. */
  timesHeld = 0;

  constructor(folder: string, order: WebserverOrder, parts: { recorder: Recorder; proxy: CutProxy; volume: Volume | undefined }) {
    this.name = order.webserver;
    this.#order = order;
    this.#recorder = parts.recorder;
    this.proxy = parts.proxy;
    this.volume = parts.volume;
    this.clockFile = join(folder, `${order.webserver}.clock`);
    this.#logFile = join(folder, `${order.webserver}.log`);
  }

  get dir(): string {
    return this.#order.dir;
  }

  get pid(): number | undefined {
    return this.#open ? this.#child?.pid : undefined;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get life(): number {
    return this.#life;
  }

  /** Starts its next process already, which loads its code and opens nothing before `start`: a round takes less long. */
  warm(): void {
    this.#next ??= startChild({ program: "webserver", clockFile: this.clockFile, logFile: this.#logFile });
  }

  /** Resolves when its bus is open. Throws what it says. */
  async start(): Promise<void> {
    const life = ++this.#life;
    this.warm();
    const child = this.#next as ChildProcess;
    this.#next = undefined;
    this.#child = child;
    this.status = undefined;
    let failure: string | undefined;
    child.on("message", (message: FromWebserver) => {
      if (message.type === "failed") failure = message.message;
      this.#heard(message, life);
    });
    child.once("exit", () => this.#down(life));
    child.on("error", () => {});
    this.#say({ type: "open", order: this.#order });
    const settled = await until(OPEN_MS, () => this.#open || failure !== undefined || child.exitCode !== null);
    if (this.#open) return;
    child.kill("SIGKILL");
    throw new Error(`${this.name} did not open: ${failure ?? (settled ? "it ended" : `not within ${OPEN_MS} ms`)}`);
  }

  /** Records the question and its outcome. A webserver that is down has not been asked: undefined. */
  async ask(asked: Asked, retryOf?: number): Promise<Outcome | undefined> {
    if (!this.#open) return undefined;
    const op = this.#recorder.nextOp();
    const process = this.name;
    const named = retryOf === undefined ? {} : { retryOf };
    this.#recorder.add({ type: "invoke", at: now(), op, process, life: this.#life, asked, ...named });
    const message = await this.#request((n) => ({ type: "ask", n, asked }));
    return this.#outcome(op, message);
  }

  #outcome(op: number, message: FromWebserver | undefined): Outcome {
    const at = now();
    if (message?.type === "answer") {
      const { answer } = message;
      this.#recorder.add({ type: "ok", at, op, answer });
      return { op, kind: "ok", answer };
    }
    if (message?.type === "refused") {
      const { code, mutationId } = message;
      const named = mutationId === undefined ? {} : { mutationId };
      this.#recorder.add({ type: "failed", at, op, code, ...named });
      return { op, kind: "failed", answer: named, code };
    }
    this.#recorder.add({ type: "unknown", at, op });
    return { op, kind: "unknown", answer: {} };
  }

  /** Throws when it does not say. */
  async final(): Promise<Final> {
    const message = await this.#request((n) => ({ type: "final", n }));
    if (message?.type === "final") return { process: this.name, ...message.final, aside: this.#aside() };
    throw new Error(`${this.name} does not say what it has: ${message?.type === "refused" ? message.message : "no answer"}`);
  }

  /** The words in what it has kept aside. */
  #aside(): string[] {
    const file = join(this.dir, "recovery.jsonl");
    return existsSync(file) ? marksIn(readFileSync(file, "utf8")) : [];
  }

  lose(share: number): void {
    this.#say({ type: "lose", share });
  }

  /** Closes its bus, which writes its snapshot, and ends it. */
  async close(): Promise<void> {
    if (this.#open) await this.#request((n) => ({ type: "close", n }));
    await this.kill();
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    child.kill("SIGKILL");
    await ended(child);
  }

  /** Ends all of its processes. */
  async stop(): Promise<void> {
    this.#next?.kill("SIGKILL");
    await this.kill();
  }

  async #request(message: (n: number) => ToWebserver): Promise<FromWebserver | undefined> {
    const n = ++this.#n;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(n, undefined), ANSWER_MS);
      this.#waiting.set(n, {
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
      });
      this.#say(message(n));
    });
  }

  #say(message: ToWebserver): void {
    if (this.#child?.connected) this.#child.send(message, () => {});
  }

  #settle(n: number, message: FromWebserver | undefined): void {
    this.#waiting.get(n)?.resolve(message);
    this.#waiting.delete(n);
  }

  #heard(message: FromWebserver, life: number): void {
    if (life !== this.#life) return;
    const process = this.name;
    if (message.type === "open") {
      this.#open = true;
      this.#recorder.add({ type: "up", at: now(), process, life });
    } else if (message.type === "status") this.#noteStatus(message.status);
    else if (message.type === "changes")
      for (const change of message.changes) this.#recorder.add({ type: "change", process, life, ...change });
    else if ("n" in message) this.#settle(message.n, message);
  }

  #noteStatus(status: WebserverStatus): void {
    if (status.state === "held" && this.status?.state !== "held") this.timesHeld++;
    this.status = status;
  }

  #down(life: number): void {
    if (life !== this.#life) return;
    this.#open = false;
    this.#recorder.add({ type: "down", at: now(), process: this.name, life });
    for (const n of [...this.#waiting.keys()]) this.#settle(n, undefined);
  }
}
