/** The lives of the store. Before its first write over a connection to a server process that is not listed, a handler appends an entry;
 *  so a store that lost its tail, was put back or was wiped can be told by a webserver whose position is from before. */
import { clock } from "../../bus/platform/clock.ts";
import { type Deferred, DONE, deferred, pause, within } from "../../bus/platform/deadline.ts";
import { log } from "../../bus/platform/log.ts";
import { randomId } from "../../bus/platform/random.ts";
import { headerValue } from "../../bus/wire/envelope.ts";
import { type Connection, rawHeaders } from "../../bus/wire/nats.ts";
import { createStream, readSubject, storeAtHead, streamInfo } from "../../bus/wire/stream.ts";
import { liveSubjectOf, META, storeSubject } from "../../bus/wire/subjects.ts";
import { headerText } from "../../bus/wire/version.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { Epoch, Epochs as EpochList } from "../../schemas/types.ts";

const SUBJECT = storeSubject(META, "epochs");
/** The first entry is the generation and always kept; of the others the last ones. */
const MAX_ENTRIES = 2000;
const READY_TIMEOUT_MS = 5000;

export class Epochs {
  readonly #connection: Connection;
  readonly #schemas: Schemas;
  #list: EpochList = [];
  /** Of the list; 0: it is of another connection. */
  #revision = 0;
  #ready: Deferred<void> = deferred();
  #writable = false;
  #atomicBatches = false;

  constructor(connection: Connection, schemas: Schemas) {
    this.#connection = connection;
    this.#schemas = schemas;
  }

  /** Of several handlers each may be connected to another server of a cluster: what one of them appends, the others hear. */
  start(): void {
    this.#connection.subscribe(liveSubjectOf(SUBJECT), (message) => {
      const revision = Number(headerValue(headerText(rawHeaders(message)), "Nats-Sequence") ?? 0);
      // Whoever may publish here directly is not the store.
      if (revision > 0) this.#note(this.#schemas.read("epochs", message.data), revision);
    });
  }

  get list(): EpochList {
    return this.#list;
  }

  get generation(): string {
    return this.#list[0]?.epoch ?? "";
  }

  /** Whether the store takes atomic batches (nats-server ≥ 2.12). */
  get atomicBatches(): boolean {
    return this.#atomicBatches;
  }

  /** Resolves when this connection may write; TIMEOUT when that takes longer than 5 s. */
  ready(): Promise<void> {
    return this.#writable ? DONE : within(this.#ready.promise, "Making the store ready", { timeoutMs: READY_TIMEOUT_MS });
  }

  /** The connection is gone: the next one may be to another life of the store. */
  disconnected(): void {
    this.#writable = false;
    this.#revision = 0;
    this.#ready = deferred();
  }

  /** The connection is there: makes the store when there is none, and sees to it that this server is listed. */
  async connected(): Promise<void> {
    const ready = this.#ready;
    for (let attempt = 1; this.#connection.connected && ready === this.#ready; attempt++) {
      try {
        if (!(await this.#enlist())) continue;
        this.#writable = ready === this.#ready;
        return ready.resolve();
      } catch (error) {
        log.warn({ err: error, attempt }, "the store is not ready yet");
        await pause(Math.min(attempt * 50, 1000));
      }
    }
  }

  async #enlist(): Promise<boolean> {
    const info = await streamInfo(this.#connection);
    if (!info) {
      await createStream(this.#connection, clock.nowMicros(), randomId());
      return false;
    }
    this.#atomicBatches = info.config.allow_atomic === true;
    const head = info.state.last_seq;
    const stored = await readSubject(this.#connection, SUBJECT);
    const list = stored ? this.#schemas.read("epochs", stored.body) : [];
    const serverId = this.#connection.info.id;
    if (list.some((entry) => entry.serverId === serverId)) {
      this.#note(list, stored?.revision ?? 0);
      return true;
    }
    const epoch = list.length === 0 ? (info.config.metadata?.generation ?? randomId()) : randomId();
    const next = bounded([...list, { epoch, firstSeq: head + 1, serverId }]);
    // Only if nothing was written since `head` was read: then the entry's own number is head + 1.
    if ((await storeAtHead(this.#connection, SUBJECT, JSON.stringify(next), head)) === "conflict") return false;
    this.#note(next, head + 1);
    log.info({ epoch, firstSeq: head + 1, serverId }, "a new life of the store");
    return true;
  }

  /** The list as the store has it now: what another handler has appended may not have been heard of yet. */
  async look(): Promise<EpochList> {
    const stored = await readSubject(this.#connection, SUBJECT);
    if (stored) this.#note(this.#schemas.read("epochs", stored.body), stored.revision);
    return this.#list;
  }

  #note(list: EpochList, revision: number): void {
    if (revision < this.#revision) return;
    this.#list = list;
    this.#revision = revision;
  }
}

function bounded(list: Epoch[]): Epoch[] {
  return list.length <= MAX_ENTRIES ? list : [list[0] as Epoch, ...list.slice(1 - MAX_ENTRIES)];
}
