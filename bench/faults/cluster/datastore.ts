/** The datastore under test as the driver sees it: a supervisor, a nats-server and handlers. */
import type { ChildProcess } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { until } from "../clock.ts";
import type { DatastoreOrder, FromDatastore, Pids } from "../messages.ts";
import { ended, startChild } from "./child.ts";
import { freeze, isGone, send } from "./processes.ts";
import type { Volume } from "./volume.ts";

const OPEN_MS = 60_000;

export class Datastore {
  readonly dir: string;
  readonly volume: Volume | undefined;
  readonly clockFile: string;
  readonly #order: Omit<DatastoreOrder, "port">;
  readonly #logFile: string;
  #child: ChildProcess | undefined;
  #pids: Pids = { natsServer: undefined, handlers: [], clock: 0 };
  #port = 0;
  #open = false;

  constructor(folder: string, order: Omit<DatastoreOrder, "port">, volume: Volume | undefined) {
    this.dir = order.dir;
    this.volume = volume;
    this.#order = order;
    this.clockFile = join(folder, "datastore.clock");
    this.#logFile = join(folder, "datastore.log");
  }

  /** Of nats-server; the same one at each start. */
  get port(): number {
    return this.#port;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get pids(): Pids & { supervisor: number | undefined } {
    return { ...this.#pids, supervisor: this.#child?.pid };
  }

  /** Resolves when requests are answered. Throws what it says. */
  async start(): Promise<void> {
    this.#open = false;
    const child = startChild({ program: "datastore", clockFile: this.clockFile, logFile: this.#logFile });
    this.#child = child;
    let failure: string | undefined;
    child.on("message", (message: FromDatastore) => {
      if (child !== this.#child) return;
      if (message.type === "failed") failure = message.message;
      else this.#pids = message.pids;
      if (message.type !== "open") return;
      this.#port = Number(message.address.split(":").at(-1));
      this.#open = true;
    });
    child.once("exit", () => {
      if (child === this.#child) this.#open = false;
    });
    child.on("error", () => {});
    child.send({ ...this.#order, port: this.#port } satisfies DatastoreOrder, () => {});
    await until(OPEN_MS, () => this.#open || failure !== undefined || child.exitCode !== null);
    if (this.#open) return;
    child.kill("SIGKILL");
    throw new Error(`The datastore did not start: ${failure ?? "it ended, or took too long"}`);
  }

  /** kill -9 of the supervisor alone: nats-server and the handlers end by themselves, the handlers after what they are at. Whether it and
   *  nats-server are gone. */
  async killSupervisor(): Promise<boolean> {
    const pids = [this.#child?.pid, this.#pids.natsServer].flatMap((pid) => pid ?? []);
    send(this.#child?.pid, "SIGKILL");
    return (await Promise.all(pids.map(isGone))).every(Boolean);
  }

  /** kill -9 of all of them at once, nats-server first. */
  async killAll(): Promise<boolean> {
    const pids = this.#all();
    for (const pid of pids) send(pid, "SIGKILL");
    return (await Promise.all(pids.map(isGone))).every(Boolean);
  }

  /** SIGSTOP of the handlers: what they have stored is all that is stored, until they are killed. */
  async freezeHandlers(): Promise<void> {
    await Promise.all(this.#pids.handlers.map(freeze));
  }

  /** Copies the store's files as they are at one moment, to which they can be put back. */
  async copyStore(to: string): Promise<void> {
    const { natsServer } = this.#pids;
    if (natsServer === undefined) throw new Error("nats-server does not run: its store can't be copied");
    await freeze(natsServer);
    try {
      cpSync(this.#storeDir, to, { recursive: true });
    } finally {
      send(natsServer, "SIGCONT");
    }
  }

  /** While nothing runs: another store, or none, takes the place of the present one. */
  replaceStore(by: string | undefined): void {
    rmSync(this.#storeDir, { recursive: true, force: true });
    if (by !== undefined) cpSync(by, this.#storeDir, { recursive: true });
  }

  /** While nothing runs: the keys that the functions sign with are gone. */
  loseKeys(): void {
    rmSync(join(this.dir, "keys.json"));
  }

  get #storeDir(): string {
    return join(this.dir, "jetstream");
  }

  async stop(): Promise<void> {
    if (!this.#child) return;
    await this.killAll();
    await ended(this.#child);
  }

  #all(): number[] {
    return [this.#pids.natsServer, this.#child?.pid, ...this.#pids.handlers].flatMap((pid) => pid ?? []);
  }
}
