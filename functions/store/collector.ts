/** Takes away contents that no document refers to any more, and uploads that nobody goes on with, after a grace period. Every handler does it now
 *  and then; each step is conditional, so that they can't harm each other, nor an upload. Since when a content is not used its record says: the time
 *  of its last commit says nothing of that, and the handler that saw it may be another one by then.
 *
 *  A commit renews the record, writes the document, and looks at the record again; the collector moves the record, and looks at the documents again:
 *  whoever comes second sees the other. What is referred to is put back. */

import { clock } from "../../bus/platform/clock.ts";
import { pause } from "../../bus/platform/deadline.ts";
import { log } from "../../bus/platform/log.ts";
import { jittered } from "../../bus/platform/random.ts";
import { contentRecord, lastChunk, listContents, purgeLife, type StoredRecord, writeRecord } from "../../bus/wire/contents.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { readLatest } from "../../bus/wire/reader.ts";
import { STREAM, storeSubjects } from "../../bus/wire/subjects.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import { RESOURCES } from "../../schemas/resource.ts";
import type { Resource } from "../../schemas/types.ts";
import type { Contents } from "./contents.ts";
import { docOf } from "./documents.ts";

const MAX_INTERVAL_MS = 10 * 60_000;

export class Collector {
  readonly #connection: Connection;
  readonly #schema: CollectionSchema;
  readonly #contents: Contents;
  readonly #paused: () => Promise<boolean>;
  readonly #stop = new AbortController();

  /** `schema`: of resources. `paused`: contents may be there whose documents are still to come. */
  constructor(connection: Connection, schema: CollectionSchema, contents: Contents, paused: () => Promise<boolean>) {
    this.#connection = connection;
    this.#schema = schema;
    this.#contents = contents;
    this.#paused = paused;
  }

  /** Again and again, until `stop`. */
  async start(): Promise<void> {
    const { signal } = this.#stop;
    const everyMs = Math.min(this.#contents.graceMs, MAX_INTERVAL_MS);
    while (!signal.aborted) {
      await pause(jittered(everyMs, 0.2), signal);
      if (signal.aborted || !this.#connection.connected) continue;
      try {
        if (!(await this.#paused())) await this.look();
      } catch (error) {
        log.warn({ err: error }, "contents could not be collected");
      }
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Once. */
  async look(): Promise<void> {
    const { names, lives } = await listContents(this.#connection);
    // Old lives first: of which no record knows, they can only be looked at by their own age.
    const records = new Map<string, StoredRecord | undefined>();
    for (const sha256 of new Set([...names, ...lives.map((life) => life.slice(0, 64))])) {
      records.set(sha256, await this.#contents.record(sha256));
    }
    // After the records: a document that is written later has renewed its record later, too.
    const used = await this.#used();
    // Such as those of a store that was filled from its webservers: who has one gives it.
    for (const sha256 of used) if (records.get(sha256)?.deleted !== false) this.#contents.want(sha256);
    for (const [sha256, record] of records) {
      if (this.#stop.signal.aborted) return;
      if (!record || record.deleted) continue;
      const since = record.metadata?.unused;
      if (used.has(sha256)) await this.#note(record, undefined);
      else if (!this.#isOld(record.mtime)) continue;
      else if (since === undefined) await this.#note(record, new Date(clock.now()).toISOString());
      else if (this.#isOld(since)) await this.#take(sha256, record);
    }
    for (const life of lives) {
      const sha256 = life.slice(0, 64);
      const record = records.get(sha256);
      if (record?.nuid === life && !record.deleted) continue;
      const last = await lastChunk(this.#connection, life);
      if (!last || !this.#isOld(last.at)) continue;
      // Whoever verifies it just now must notice: the record moves first.
      const gone = contentRecord(sha256, life, 0, new Date(clock.now()).toISOString(), true);
      const next = record?.deleted === false || (await writeRecord(this.#connection, gone, record?.sequence ?? 0)) !== "conflict";
      if (next) await purgeLife(this.#connection, life);
    }
  }

  /** Since when it is not used. If this conflicts, somebody has just renewed it. */
  async #note({ sequence, metadata, ...record }: StoredRecord, unused: string | undefined): Promise<void> {
    if (metadata?.unused === unused) return;
    await writeRecord(this.#connection, unused === undefined ? record : { ...record, metadata: { unused } }, sequence);
  }

  async #take(sha256: string, record: StoredRecord): Promise<void> {
    const { nuid, size } = record;
    const now = () => new Date(clock.now()).toISOString();
    const marker = await writeRecord(this.#connection, contentRecord(sha256, nuid, size, now(), true), record.sequence);
    if (marker === "conflict") return;
    if (!(await this.#used()).has(sha256)) {
      await purgeLife(this.#connection, nuid);
      log.info({ sha256, size }, "a content that no document refers to was collected");
      return;
    }
    // A document came in between. If this conflicts, somebody has uploaded it anew already.
    await writeRecord(this.#connection, contentRecord(sha256, nuid, size, now()), marker);
  }

  #isOld(at: string): boolean {
    return clock.now() - Date.parse(at) > this.#contents.graceMs;
  }

  /** The contents that documents refer to, as the store has them now. */
  async #used(): Promise<Set<string>> {
    const documents = { stream: STREAM, subjects: storeSubjects(RESOURCES) };
    const used = await readLatest(
      this.#connection,
      documents,
      (version) => (docOf(this.#schema, version) as Partial<Resource> | undefined)?.sha256,
    );
    return new Set(used.values());
  }
}
