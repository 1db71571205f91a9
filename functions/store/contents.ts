/** The contents of resources: what is stored of one, its next chunks, its verification. A content becomes visible by one conditional write of its
 *  record, after every stored byte was read back and hashed; whoever takes it away moves the record first, and so the two can't cross. */
import { createHash } from "node:crypto";
import { clock } from "../../bus/platform/clock.ts";
import { pause } from "../../bus/platform/deadline.ts";
import { KeyedQueue } from "../../bus/platform/keyed-queue.ts";
import { Limiter } from "../../bus/platform/limiter.ts";
import { log } from "../../bus/platform/log.ts";
import { randomId } from "../../bus/platform/random.ts";
import { RecentMap } from "../../bus/platform/recent-map.ts";
import {
  appendChunks,
  CHUNK_BYTES,
  CHUNKS_AT_ONCE,
  type Chunk,
  chunkBehind,
  chunkCount,
  contentRecord,
  createContents,
  lastChunk,
  lifeOf,
  purgeLife,
  readChunks,
  readRecord,
  type StoredRecord,
  writeRecord,
} from "../../bus/wire/contents.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { KnownChunk } from "../../schemas/types.ts";

const MAX_UPLOADS_KNOWN = 1000;
/** Contents that are read back at once, and messages with chunks that are made at once: each is in the memory meanwhile. */
const VERIFYING = 2;
const READING = 4;
/** How long chunks wait for those before them, which another handler may be storing, ms. */
const GAP_MS = 1000;
const GAP_LOOK_MS = 10;
/** A commit renews a record that is older than this part of the grace period. */
const RENEW_AFTER = 1 / 4;
const WANTED_MS = 10 * 60_000;
const MAX_WANTED = 100;

export interface ContentsOptions {
  /** The largest content. */
  maxBytes: number;
  /** How long a content that no document refers to is kept, ms. */
  graceMs: number;
}

/** How far the upload of one life is. */
interface Progress {
  life: string;
  chunks: number;
  /** Of the last chunk; 0: there is none. */
  sequence: number;
}

export class Contents {
  readonly #connection: Connection;
  readonly #queue = new KeyedQueue();
  readonly #verifying = new Limiter(VERIFYING);
  readonly #reading = new Limiter(READING);
  /** A hint: what is appended on it is still conditional. */
  readonly #progress = new RecentMap<string, Progress | undefined>(MAX_UPLOADS_KNOWN);
  /** Contents that somebody could not read, and until when others are asked for them. */
  readonly #wanted = new Map<string, number>();
  readonly maxBytes: number;
  readonly graceMs: number;
  #ready: Promise<void> | undefined;

  constructor(connection: Connection, { maxBytes, graceMs }: ContentsOptions) {
    this.#connection = connection;
    this.maxBytes = maxBytes;
    this.graceMs = graceMs;
  }

  /** The next connection may be to another store. */
  disconnected(): void {
    this.#ready = undefined;
    this.#progress.clear();
  }

  /** Throws TOO_LARGE with the limit. */
  checkSize(size: number): void {
    if (size <= this.maxBytes) return;
    const message = `A resource may have ${this.maxBytes} bytes; this one has ${size}. Nothing of it was stored.`;
    throw new FrontsyncError("TOO_LARGE", message, { limit: this.maxBytes });
  }

  /** What the store has of a content. */
  async begin(sha256: string): Promise<{ complete: boolean; chunks: number }> {
    // Whoever asks is about to refer to it: a restore gives all contents before it writes the first document.
    const kept = await this.renew(sha256);
    // Another handler has it from somebody by now; else whoever has it would hash it at each check-in, to give it again.
    if (kept) this.#wanted.delete(sha256);
    if (kept) return { complete: true, chunks: kept.chunks };
    const progress = await this.#look(sha256, await this.record(sha256));
    this.#progress.set(sha256, progress);
    return { complete: false, chunks: progress.chunks };
  }

  /** Stores chunks from number `from` on, once. Returns how many are stored now: with fewer than these, those before them are missing. */
  async append(sha256: string, size: number, from: number, bytes: Uint8Array, deadline: number): Promise<number> {
    this.checkSize(size);
    checkChunks(size, from, bytes.length);
    const until = Math.min(deadline, clock.now() + GAP_MS);
    for (;;) {
      const chunks = await this.#queue.run(sha256, () => this.#append(sha256, from, bytes));
      if (chunks >= from || clock.now() > until) return chunks;
      this.#progress.set(sha256, undefined);
      await pause(GAP_LOOK_MS);
    }
  }

  async #append(sha256: string, from: number, bytes: Uint8Array): Promise<number> {
    const end = from + chunkCount(bytes.length);
    for (;;) {
      let progress = this.#progress.get(sha256);
      if (!progress) {
        const record = await this.record(sha256);
        if (record && !record.deleted) return record.chunks;
        progress = await this.#look(sha256, record);
        this.#progress.set(sha256, progress);
      }
      const { life, chunks, sequence } = progress;
      if (chunks < from || chunks >= end) return chunks;
      this.#progress.set(sha256, undefined);
      const rest = bytes.subarray((chunks - from) * CHUNK_BYTES);
      const last = await appendChunks(this.#connection, randomId(), { life, from: chunks, after: sequence, bytes: rest });
      if (last === "conflict") continue;
      this.#progress.set(sha256, { life, chunks: end, sequence: last });
    }
  }

  /** Makes a content visible whose chunks are all stored. Throws CONTENT_MISSING when some are not; CONTENT_MISMATCH when they are not what the
   *  hash says: then they are taken away. */
  async finish(sha256: string, size: number): Promise<void> {
    this.checkSize(size);
    for (;;) {
      const record = await this.record(sha256);
      if (record && !record.deleted) return;
      const expected = record?.sequence ?? 0;
      const life = lifeOf(sha256, expected);
      const found = await this.#verifying.run(() => this.#verify(life, size));
      if (found.missing !== undefined) throw missing(`${found.missing} of its chunks are not stored yet`);
      if (found.sha256 !== sha256) {
        await this.#takeAway(sha256, life, expected);
        throw new FrontsyncError("CONTENT_MISMATCH", `What was sent is not the content ${sha256}; it was not stored.`);
      }
      this.#progress.set(sha256, undefined);
      const mtime = new Date(clock.now()).toISOString();
      if ((await writeRecord(this.#connection, contentRecord(sha256, life, size, mtime), expected)) === "conflict") continue;
      this.#wanted.delete(sha256);
      return;
    }
  }

  /** Keeps the collector away from a content for the grace period at least. undefined: it is not there. */
  async renew(sha256: string): Promise<StoredRecord | undefined> {
    for (;;) {
      const record = await this.record(sha256);
      if (!record || record.deleted) return undefined;
      const now = clock.now();
      if (!record.metadata?.unused && now - Date.parse(record.mtime) < this.graceMs * RENEW_AFTER) return record;
      const next = contentRecord(sha256, record.nuid, record.size, new Date(now).toISOString());
      if ((await writeRecord(this.#connection, next, record.sequence)) !== "conflict") return record;
    }
  }

  /** Some chunks of a visible content. Throws CONTENT_MISSING. */
  async read(
    sha256: string,
    from: number,
    { limit = CHUNKS_AT_ONCE, known }: { limit?: number | undefined; known?: KnownChunk | undefined },
  ): Promise<{ size: number; chunks: Chunk[] }> {
    const record = await this.record(sha256);
    if (!record || record.deleted) {
      this.want(sha256);
      throw missing("the store does not have it");
    }
    const left = Math.min(limit, record.chunks - from);
    if (left <= 0) return { size: record.size, chunks: [] };
    const chunks = await this.#reading.run(() => readChunks(this.#connection, record.nuid, from, left, known));
    if (chunks.length < left || chunks.some(({ number }, index) => number !== from + index)) {
      await this.check(sha256);
      throw missing("some of its chunks are lost");
    }
    return { size: record.size, chunks };
  }

  /** Reads a visible content back; one that is damaged is taken away, and whoever has it is asked for it. */
  async check(sha256: string): Promise<boolean> {
    const record = await this.record(sha256);
    if (record && !record.deleted) {
      const found = await this.#verifying.run(() => this.#verify(record.nuid, record.size));
      if (found.sha256 === sha256) return true;
      log.error({ sha256, ...found }, "a content is damaged and is taken away");
      await this.#takeAway(sha256, record.nuid, record.sequence);
    }
    this.want(sha256);
    return false;
  }

  /** Asks the webservers for a content that the store should have. */
  want(sha256: string): void {
    if (this.#wanted.size < MAX_WANTED) this.#wanted.set(sha256, clock.now() + WANTED_MS);
  }

  wanted(): string[] {
    for (const [sha256, until] of this.#wanted) if (until < clock.now()) this.#wanted.delete(sha256);
    return [...this.#wanted.keys()];
  }

  /** As the store has it now. */
  async record(sha256: string): Promise<StoredRecord | undefined> {
    this.#ready ??= createContents(this.#connection);
    try {
      await this.#ready;
    } catch (error) {
      this.#ready = undefined;
      throw error;
    }
    return await readRecord(this.#connection, sha256);
  }

  async #look(sha256: string, record: StoredRecord | undefined): Promise<Progress> {
    const life = lifeOf(sha256, record?.sequence ?? 0);
    const last = await lastChunk(this.#connection, life);
    return { life, chunks: last ? last.number + 1 : 0, sequence: last?.sequence ?? 0 };
  }

  /** The hash of what is stored, or how many chunks are missing, by the leader's word: what a replica does not have yet is not lost. */
  async #verify(life: string, size: number): Promise<{ sha256?: string; missing?: number }> {
    const hash = createHash("sha256");
    const count = chunkCount(size);
    let known: KnownChunk | undefined;
    for (let from = 0; from < count; ) {
      const chunks = await this.#chunksAt(life, from, count, known);
      if (chunks.length === 0) return { missing: count - from };
      for (const { number, sequence, bytes } of chunks) {
        if (number !== from) break;
        const wanted = Math.min(CHUNK_BYTES, size - from * CHUNK_BYTES);
        if (bytes.length !== wanted) return {};
        hash.update(bytes);
        known = { chunk: number, sequence };
        from++;
      }
    }
    return { sha256: hash.digest("hex") };
  }

  /** Chunks from number `from` on, which follows `known`; none: the leader does not have it. */
  async #chunksAt(life: string, from: number, count: number, known?: KnownChunk): Promise<Omit<Chunk, "at">[]> {
    const chunks = await readChunks(this.#connection, life, from, Math.min(2 * CHUNKS_AT_ONCE, count - from), known);
    if (chunks[0]?.number === from) return chunks;
    const chunk = await chunkBehind(this.#connection, life, known?.sequence ?? 0);
    return chunk?.number === from ? [chunk] : [];
  }

  /** First the record, under its condition: a commit or an upload that crosses this notices. */
  async #takeAway(sha256: string, life: string, expected: number): Promise<void> {
    const gone = contentRecord(sha256, life, 0, new Date(clock.now()).toISOString(), true);
    if ((await writeRecord(this.#connection, gone, expected)) === "conflict") return;
    this.#progress.set(sha256, undefined);
    await purgeLife(this.#connection, life);
  }
}

/** Every chunk is full but a content's last one. Throws BAD_MESSAGE, CONTENT_MISMATCH. */
function checkChunks(size: number, from: number, bytes: number): void {
  const start = from * CHUNK_BYTES;
  if (start + bytes > size)
    throw new FrontsyncError("CONTENT_MISMATCH", `A content of ${size} bytes was announced, and more is sent.`);
  const whole = bytes % CHUNK_BYTES === 0 || start + bytes === size;
  if (bytes === 0 || bytes > CHUNKS_AT_ONCE * CHUNK_BYTES || !whole)
    throw new FrontsyncError("BAD_MESSAGE", `1 to ${CHUNKS_AT_ONCE} chunks of ${CHUNK_BYTES} bytes belong into a message.`);
}

function missing(why: string): FrontsyncError {
  return new FrontsyncError("CONTENT_MISSING", `The content can't be had: ${why}.`);
}
