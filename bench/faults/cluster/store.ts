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

export class Store {
  readonly #connection: Connection;
  readonly #stop = new AbortController();
  #last = 0;
  #following: Promise<void> | undefined;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** `dir`: the datastore's. */
  static async open(dir: string, port: number): Promise<Store> {
    const { functionsPassword: password } = JSON.parse(readFileSync(join(dir, "keys.json"), "utf8")) as {
      functionsPassword: string;
    };
    const name = "faults";
    const connection = new Connection({
      servers: [`127.0.0.1:${port}`],
      user: "functions",
      password,
      inboxPrefix: `_INBOX_${name}`,
      name,
    });
    await connection.open();
    return new Store(connection);
  }

  /** Every version from the first on, as soon as it is there; what is overwritten before it could be read is not among them. */
  follow(onVersion: (version: Version) => void): void {
    this.#following = (async () => {
      while (!this.#stop.signal.aborted) {
        // It may be down just now.
        if (this.#connection.connected) await this.#read(this.#last + 1, onVersion).catch(() => {});
        await pause(LOOK_MS, this.#stop.signal);
      }
    })();
  }

  /** Ends `follow`, when it has read what there is. */
  async settle(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  /** All versions that the store still has. Throws when it can't be read within 20 s. */
  async all(): Promise<Version[]> {
    for (const end = now() + READ_MS; ; await pause(200)) {
      const versions: Version[] = [];
      try {
        await this.#read(1, (version) => versions.push(version));
        return versions;
      } catch (error) {
        if (now() > end) throw error;
      }
    }
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
          onVersion(asVersion(version));
        }
      }
    } finally {
      reader.close();
    }
  }
}

function asVersion({ subject, revision, body, deleted, envelope }: StoredVersion): Version {
  const { collection, token } = parseStoreSubject(subject);
  const text = deleted && !envelope ? "" : Buffer.from(body).toString();
  // The store's own documents have keys of several tokens.
  const id = collection.startsWith("_") ? token : unescapeId(token);
  return { revision, subject, collection, id, deleted, mutation: envelope?.version ?? "", marks: marksIn(text), body: text };
}
