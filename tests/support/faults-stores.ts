/** Stores that are lost, put back or mixed up, as it happens to operators: by their folders, while nothing runs on them. */
import { cp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Datastore, type DatastoreOptions, startDatastore } from "../../functions/datastore.ts";

/** A datastore that stops, changes its folder, and starts on the same port again. */
export class ReplaceableStore implements AsyncDisposable {
  readonly #dir: string;
  readonly #options: Partial<DatastoreOptions>;
  #datastore: Datastore | undefined;
  #port = 0;

  /** `dir`: the datastore's is `store` in it. */
  constructor(dir: string, options: Partial<DatastoreOptions> = {}) {
    this.#dir = dir;
    this.#options = options;
  }

  get datastore(): Datastore {
    if (!this.#datastore) throw new Error("it does not run");
    return this.#datastore;
  }

  /** `more`: options of this time alone. */
  async start(more: Partial<DatastoreOptions> = {}): Promise<Datastore> {
    this.#datastore = await startDatastore({ ...this.#options, ...more, dir: this.#path("store"), port: this.#port });
    this.#port = Number(this.#datastore.address.split(":").at(-1));
    return this.#datastore;
  }

  async stop(): Promise<void> {
    await this.#datastore?.stop();
    this.#datastore = undefined;
  }

  /** Copies the folder as it is, but for the lock: that is of the process that works in it. */
  async save(name: string): Promise<void> {
    const lock = join(this.#path("store"), "lock");
    await cp(this.#path("store"), this.#path(name), { recursive: true, filter: (source) => source !== lock });
  }

  /** The saved folder takes the place of the present one, which is kept as `instead`. Without one: nothing is there. */
  async replaceBy(name: string | undefined, instead: string): Promise<void> {
    await rm(this.#path(instead), { recursive: true, force: true });
    await rename(this.#path("store"), this.#path(instead));
    if (name !== undefined) await rename(this.#path(name), this.#path("store"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #path(name: string): string {
    return join(this.#dir, name);
  }
}
