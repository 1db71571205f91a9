/** The local replica: every document of the datastore in two SQLite databases (users.db, webstore.db), in memory, with snapshots in the
 *  bus's folder. Losing it costs a resynchronisation, never data. */
import { Worker } from "node:worker_threads";
import { FrontsyncError, isErrorCode } from "../../schemas/errors.ts";
import { type Deferred, deferred } from "../platform/deadline.ts";
import { KnownSubjects } from "./known.ts";
import type { ReplicaCall, ReplicaMessage, ReplicaMethods } from "./methods.ts";

export type { ReplicaPosition } from "./position.ts";
export type { Row } from "./row.ts";

const ENTRY = new URL(`./worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export class Replica {
  /** From the first call on: what was never used has nothing to be closed. */
  #worker: Worker | undefined;
  readonly #calls = new Map<number, Deferred<unknown>>();
  readonly #onSnapshot: (failed: string | undefined) => void;
  readonly #onFailure: (error: FrontsyncError) => void;
  /** What the databases may hold. */
  readonly known = new KnownSubjects();
  #next = 0;
  /** Calls of one turn of the event loop, sent as one message while others are under way: each message wakes a thread. */
  #outgoing: ReplicaCall[] = [];
  #transfer: ArrayBuffer[] = [];
  #ended: FrontsyncError | undefined;

  /** `onSnapshot`: a snapshot failed, or succeeds again (undefined). `onFailure`: the thread is gone; the replica must be opened anew. */
  constructor(onSnapshot: (failed: string | undefined) => void, onFailure: (error: FrontsyncError) => void) {
    this.#onSnapshot = onSnapshot;
    this.#onFailure = onFailure;
  }

  call<K extends keyof ReplicaMethods>(
    method: K,
    argument: Parameters<ReplicaMethods[K]>[0],
    transfer: ArrayBuffer[] = [],
  ): Promise<Awaited<ReturnType<ReplicaMethods[K]>>> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#next++;
    const call = deferred<unknown>();
    const alone = this.#calls.size === 0;
    this.#calls.set(id, call);
    this.#outgoing.push({ id, method, argument } as ReplicaCall);
    this.#transfer.push(...transfer);
    if (alone) this.#send();
    else if (this.#outgoing.length === 1) setImmediate(() => this.#send());
    return call.promise as Promise<Awaited<ReturnType<ReplicaMethods[K]>>>;
  }

  /** Writes the last snapshot and ends the thread. */
  async close(): Promise<void> {
    if (this.#ended) return;
    try {
      if (this.#worker) await this.call("close", undefined as never);
    } finally {
      this.#end(new FrontsyncError("CLOSED", "The bus is closed."));
      await this.#worker?.terminate();
    }
  }

  #started(): Worker {
    const worker = new Worker(ENTRY, { execArgv: [] });
    worker.on("message", (messages: ReplicaMessage[]) => {
      for (const message of messages) this.#receive(message);
    });
    const fail = (cause: unknown) => {
      if (this.#ended) return;
      const error = new FrontsyncError("INTERNAL", `The replica's thread ended: ${String(cause)}`, { cause });
      this.#end(error);
      this.#onFailure(error);
    };
    worker.on("error", fail);
    worker.on("exit", fail);
    return worker;
  }

  #send(): void {
    if (this.#outgoing.length === 0 || this.#ended) return;
    this.#worker ??= this.#started();
    this.#worker.postMessage(this.#outgoing, this.#transfer);
    this.#outgoing = [];
    this.#transfer = [];
  }

  #receive(message: ReplicaMessage): void {
    if ("event" in message) {
      this.#onSnapshot(message.failed);
      return;
    }
    const call = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    if ("error" in message) {
      const { code, message: text, path, limit } = message.error;
      call?.reject(new FrontsyncError(isErrorCode(code) ? code : "INTERNAL", text, { path, limit }));
    } else call?.resolve(message.result);
  }

  #end(error: FrontsyncError): void {
    this.#ended = error;
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
  }
}
