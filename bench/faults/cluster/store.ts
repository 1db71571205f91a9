/** Reads the store itself, past everything that is under test but nats-server: every version, as it comes, and all at the end. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Connection } from "../../../bus/wire/nats.ts";
import { openReader } from "../../../bus/wire/reader.ts";
import { parseStoreSubject, STORE_ALL, STREAM, unescapeId } from "../../../bus/wire/subjects.ts";
import type { StoredVersion } from "../../../bus/wire/version.ts";
import { marksIn, type Version } from "../check/history.ts";
import { now, pause } from "../clock.ts";

const LOOK_MS = 80;
const MESSAGES = 2000;
const BYTES = 6 * 1024 * 1024;
const READ_MS = 20_000;
const RETRY_MS = 100;

export class Store {
  readonly #onVersion: (version: Version) => void;
  readonly #stop = new AbortController();
  #connection: Connection;
  #number = 0;
  #last = 0;
  #reading: Promise<void> = Promise.resolve();
  #following: Promise<void> | undefined;

  private constructor(connection: Connection, onVersion: (version: Version) => void) {
    this.#connection = connection;
    this.#onVersion = onVersion;
  }

  /** `dir`: the datastore's. `onVersion` is told what `follow` and `readRest` read. */
  static async open(dir: string, port: number, onVersion: (version: Version) => void): Promise<Store> {
    return new Store(await connect(dir, port), onVersion);
  }

  /** Reads what there is, and nothing more: this store is about to be lost. Returns its last number; throws when it can't be read. */
  async leave(): Promise<number> {
    const last = await this.readRest();
    await this.#connection.close();
    await this.#reading;
    return last;
  }

  /** Another store is there now, which it reads from its beginning. */
  async reopen(dir: string, port: number): Promise<void> {
    this.#number++;
    this.#last = 0;
    this.#connection = await connect(dir, port);
  }

  /** Every version from the first on, as soon as it is there; what is overwritten before it could be read is not among them. */
  follow(): void {
    this.#following = (async () => {
      while (!this.#stop.signal.aborted) {
        // It may be down just now.
        if (this.#connection.connected) await this.#readOn().catch(() => {});
        await pause(LOOK_MS, this.#stop.signal);
      }
    })();
  }

  /** What has come since. Returns the last number; throws when it can't be read within 20 s. */
  async readRest(): Promise<number> {
    await withinTime(() => this.#readOn());
    return this.#last;
  }

  async #readOn(): Promise<void> {
    const read = this.#reading.then(() => this.#read(this.#last + 1, this.#onVersion));
    this.#reading = read.catch(() => {});
    await read;
  }

  /** Ends `follow`, when it has read what there is. */
  async settle(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  /** All versions that the store still has. Throws when it can't be read within 20 s. */
  async all(): Promise<Version[]> {
    return await withinTime(async () => {
      const versions: Version[] = [];
      await this.#read(1, (version) => versions.push(version));
      return versions;
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#connection.close();
  }

  async #read(from: number, onVersion: (version: Version) => void): Promise<void> {
    const reader = await openReader(this.#connection, { stream: STREAM, subjects: STORE_ALL, from });
    try {
      while (reader.pending > 0) {
        for (const version of await reader.next(MESSAGES, BYTES)) {
          if (version.revision > this.#last) this.#last = version.revision;
          onVersion(asVersion(version, this.#number));
        }
      }
    } finally {
      reader.close();
    }
  }
}

/** nats-server may be down just now. */
async function withinTime<T>(work: () => Promise<T>): Promise<T> {
  for (const end = now() + READ_MS; ; await pause(RETRY_MS)) {
    try {
      return await work();
    } catch (error) {
      if (now() > end) throw error;
    }
  }
}

async function connect(dir: string, port: number): Promise<Connection> {
  const { functionsPassword: password } = JSON.parse(readFileSync(join(dir, "keys.json"), "utf8")) as {
    functionsPassword: string;
  };
  const name = "faults";
  const servers = [`127.0.0.1:${port}`];
  const connection = new Connection({ servers, user: "functions", password, inboxPrefix: `_INBOX_${name}`, name });
  await connection.open();
  return connection;
}

function asVersion({ subject, revision, body, deleted, envelope }: StoredVersion, store: number): Version {
  const { collection, token } = parseStoreSubject(subject);
  const text = deleted && !envelope ? "" : Buffer.from(body).toString();
  // The store's own documents have keys of several tokens.
  const id = collection.startsWith("_") ? token : unescapeId(token);
  return {
    store,
    revision,
    subject,
    collection,
    id,
    deleted,
    mutation: envelope?.version ?? "",
    marks: marksIn(text),
    body: text,
  };
}
