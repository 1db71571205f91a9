/** startDatastore: the datastore of a deployment, in one call. */
export interface DatastoreOptions {
  /** Where the embedded nats-server keeps the store, and the datastore its keys. Made when it is missing. */
  dir: string;
  /** Address of the embedded nats-server; default 127.0.0.1. */
  listen?: string;
  /** Its port; default 9405; 0: a free one. */
  port?: number;
  /** Use this running NATS (`host:port`) instead of an embedded one; `dir` then keeps only local state. */
  nats?: string;
  /** The secret that webservers share with the datastore. */
  controlAuth?: string;
  /** Handler processes, 1 to 64; default 1. */
  handlers?: number;
  /** always (default): a write is acknowledged after its fsync. default: after nats-server has it; a power cut can lose the last
   *  two minutes. */
  sync?: "always" | "default";
  /** Folders with schema files of further collections. */
  schemas?: readonly string[];
}

export interface Datastore {
  /** host:port, for `connectBus({ datastore })`. */
  readonly address: string;
  /** The id of the store's first life: a webserver that knows another one is held. */
  readonly generation: string;
  /** The processes that run now. */
  readonly pids: { natsServer: number | undefined; handlers: readonly number[] };
  /** Drains and stops; the same dir and port start again with all data. Idempotent. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Resolves when a request would be answered. A handler or nats-server that dies is started again until stop(). */
export declare function startDatastore(options: DatastoreOptions): Promise<Datastore>;
