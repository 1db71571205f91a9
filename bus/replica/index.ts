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
  readonly #worker = new Worker(ENTRY, { execArgv: [] });
  readonly #calls = new Map<number, Deferred<unknown>>();
  readonly #onSnapshot: (failed: string | undefined) => void;
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
    this.#worker.on("message", (messages: ReplicaMessage[]) => {
      for (const message of messages) this.#receive(message);
    });
    const fail = (cause: unknown) => {
      if (this.#ended) return;
      this.#end(new FrontsyncError("INTERNAL", `The replica's thread ended: ${String(cause)}`, { cause }));
      onFailure(this.#ended as unknown as FrontsyncError);
    };
    this.#worker.on("error", fail);
    this.#worker.on("exit", fail);
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
      await this.call("close", undefined as never);
    } finally {
      this.#end(new FrontsyncError("CLOSED", "The bus is closed."));
      await this.#worker.terminate();
    }
  }

  #send(): void {
    if (this.#outgoing.length === 0 || this.#ended) return;
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
