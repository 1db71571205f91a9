/** Uploads: the content first, then its document. Whatever is interrupted in between leaves nothing that is visible. */

import { stat } from "node:fs/promises";
import { sha256 as hashOf } from "../../schemas/digest.ts";
import { checkId, type Doc, encodeBody, encodeJson, isObject, withoutReadOnly } from "../../schemas/document.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import { RESOURCES } from "../../schemas/resource.ts";
import type { ContentCommitReply, WriteReply } from "../../schemas/types.ts";
import type { ActingUser } from "../acting.ts";
import type { Uploaded, UploadOptions, WriteOptions } from "../api.ts";
import type { KeptUpload } from "../outbox/request.ts";
import { linked, withSignal } from "../platform/deadline.ts";
import { KeyedQueue } from "../platform/keyed-queue.ts";
import { Limiter } from "../platform/limiter.ts";
import { toBase32 } from "../platform/random.ts";
import { type Asking, Patience } from "./asking.ts";
import type { ContentFile } from "./content-file.ts";
import type { LocalStore } from "./local-store.ts";
import { sendContent } from "./send.ts";
import { spool } from "./spool.ts";
import { fieldsOf, type UploadWrite, type WaitingParts, WaitingUploads } from "./waiting.ts";

export const PATIENCE_MS = 30_000;
/** A loss of contact is noticed within so long, ms: an upload that ended before would be given up, where it is to wait on the disk. */
const NOTICED_MS = 3000;
/** How often a content that is collected between its upload and its document is uploaded again. */
const MAX_ROUNDS = 10;
/** Contents on their way up at once: each has a few chunks in memory. */
const SENDING = 4;
/** Uploads that have waited and are on their way at once: after a restart each of their files is read first. */
const DELIVERING = 8;
const SHA256 = /^[0-9a-f]{64}$/;

export interface UploadParts extends WaitingParts {
  asking: Asking;
  store: LocalStore;
  mutationId(given: string | undefined): string;
  /** Resolves when this replica holds a revision, or the signal aborts. */
  holds(revision: number, signal: AbortSignal): Promise<void>;
  /** The datastore's limit, when it is known. */
  maxBytes(): number | undefined;
  /** A content is about to be needed here. */
  touch(sha256: string): void;
  onProgress(what: { id: string; sha256: string; size: number }, stored: number): void;
  /** Aborts when the bus is closed. */
  stop: AbortSignal;
}

/** What is to become of the document. */
interface Plan extends UploadWrite {
  /** The content that the document had when this was asked for; undefined: it does not matter. */
  over?: string | undefined;
  patience: Patience;
}

/** A content that is on this machine, whole: in the local store, or in a file that is to go there; `path` undefined: it was. */
interface Source {
  sha256: string;
  size: number;
  path: string | undefined;
  file?: ContentFile | undefined;
}

export class Uploads {
  readonly #parts: UploadParts;
  readonly #waiting: WaitingUploads;
  readonly #sending = new Limiter(SENDING);
  readonly #delivering = new Limiter(DELIVERING);
  /** Equal contents go one after the other: only the first one is sent. */
  readonly #contents = new KeyedQueue();

  constructor(parts: UploadParts) {
    this.#parts = parts;
    this.#waiting = new WaitingUploads(parts);
  }

  async upload(
    user: ActingUser | undefined,
    content: AsyncIterable<Uint8Array>,
    meta: Doc,
    options: UploadOptions,
  ): Promise<Uploaded> {
    const { sha256 } = options;
    if (sha256 !== undefined && !SHA256.test(sha256))
      throw new FrontsyncError("BAD_MESSAGE", "`sha256` must be 64 hex digits.", { path: "/sha256" });
    return await this.#planned(user, meta, options, true, async (plan) => {
      // The system is trusted with a hash alone; a user shows the bytes.
      const known = sha256 !== undefined && !user ? await this.#known(plan, sha256) : undefined;
      if (known) {
        if (known.revision !== null) options.onProgress?.(known.size);
        return known;
      }
      const source = await this.#spool(content, plan, options);
      try {
        return await this.#bring(source, plan, options);
      } catch (error) {
        await source.file?.discard().catch(() => {});
        throw error;
      }
    });
  }

  /** A new document with the content of another one. */
  async clone(user: ActingUser | undefined, from: string, meta: Doc, options: WriteOptions & { id?: string }): Promise<Uploaded> {
    checkId(from);
    return await this.#planned(user, meta, options, false, async (plan) => {
      const done = await this.#commitStored(plan, { from });
      if (done) return done;
      throw new FrontsyncError("CONTENT_MISSING", "The content that is to be cloned is not in the datastore.");
    });
  }

  /** Brings an upload to its end that has waited. Throws what it is refused with, and TIMEOUT or DATASTORE_UNREACHABLE when there is no progress. */
  async deliver(kept: KeptUpload, signal: AbortSignal): Promise<WriteReply> {
    const { id = "", mutation, by, op, body: fields = {}, ifRevision, content } = kept;
    const { sha256, size, over } = content;
    const body = op === "patch" ? { op, merge: fields } : { op: "put" as const, doc: fields };
    const plan = { ...{ id, body, mutation, by, ifRevision, over }, patience: new Patience(PATIENCE_MS), signal };
    const { revision } = await this.#delivering.run(async () => {
      plan.patience.progressed();
      return await this.#store({ sha256, size, path: await this.#parts.store.verified(sha256) }, plan, {});
    });
    return { id, revision };
  }

  /** Checks what can be checked before a byte is read, and by a user also the right to it. */
  async #planned(
    user: ActingUser | undefined,
    meta: Doc,
    options: WriteOptions & { id?: string },
    mayWait: boolean,
    run: (plan: Plan) => Promise<Uploaded>,
  ): Promise<Uploaded> {
    const { schema, asking, mutationId, held, stop } = this.#parts;
    const { ifRevision, timeoutMs = PATIENCE_MS, signal } = options;
    signal?.throwIfAborted();
    stop.throwIfAborted();
    if (!isObject(meta))
      throw new FrontsyncError("SCHEMA_INVALID", "What is said of a resource must be an object.", { path: "" });
    if (ifRevision !== undefined && !(Number.isSafeInteger(ifRevision) && ifRevision >= 0))
      throw new FrontsyncError("BAD_MESSAGE", `ifRevision must be a revision or 0, not ${ifRevision}.`, { path: "/ifRevision" });
    const mutation = mutationId(options.mutationId);
    // Without an id: one from the mutation, so that a retry makes no second document.
    const made = () => toBase32(hashOf(`${RESOURCES} ${mutation}`).subarray(0, 16));
    const id = checkId(options.id ?? meta.id ?? made());
    const fields = JSON.parse(encodeJson({ ...withoutReadOnly(schema, meta), id }, "SCHEMA_INVALID", "A resource")) as Doc;
    const before = await held(id);
    schema.validate({ ...before, ...fields });
    encodeBody(schema, { ...before, ...fields });
    if (!mayWait || !this.#waiting.noContact) asking.check();
    const asked = before ? { op: "patch" as const, merge: fields } : { op: "put" as const, doc: fields };
    const { controller, release } = linked(stop, signal);
    const plan: Plan = {
      ...{ id, body: asked, mutation, by: user?.uid ?? 0, ifRevision },
      patience: new Patience(Math.max(timeoutMs, NOTICED_MS)),
      signal: controller.signal,
    };
    const written = user ? user.write(schema, id, asked, (body) => run({ ...plan, body })) : run(plan);
    return (await written.finally(release)) as Uploaded;
  }

  /** Without a look at the bytes. undefined: they are needed. */
  async #known(plan: Plan, sha256: string): Promise<Uploaded | undefined> {
    const { store, touch } = this.#parts;
    if (!this.#waiting.waits(plan.id)) return await this.#unlessLost(() => this.#commitStored(plan, { sha256 }));
    touch(sha256);
    const path = await store.verified(sha256);
    return path === undefined ? undefined : await this.#waiting.queue(plan, { sha256, size: (await stat(path)).size });
  }

  async #spool(
    content: AsyncIterable<Uint8Array>,
    plan: Plan,
    { sha256, timeoutMs = PATIENCE_MS }: UploadOptions,
  ): Promise<Source> {
    const { store, maxBytes, touch } = this.#parts;
    const file = await store.spool();
    let taken = 0;
    const take = (bytes: number) => {
      this.#waiting.take(bytes);
      taken += bytes;
    };
    try {
      const options = { maxBytes: maxBytes(), take, timeoutMs, signal: plan.signal };
      const found = await spool(content, file, options).finally(() => this.#waiting.free(taken));
      if (sha256 !== undefined && sha256 !== found)
        throw new FrontsyncError("CONTENT_MISMATCH", `The content is not ${sha256} but ${found}. Nothing was stored.`);
      plan.patience.progressed();
      touch(found);
      const path = await store.verified(found);
      if (path === undefined) return { sha256: found, size: file.bytes, path: file.path, file };
      const { bytes: size } = file;
      await file.discard();
      return { sha256: found, size, path };
    } catch (error) {
      await file.discard().catch(() => {});
      throw error;
    }
  }

  /** To the datastore, or to the outbox when that can't be reached. */
  async #bring(source: Source, plan: Plan, options: UploadOptions): Promise<Uploaded> {
    const stored = this.#waiting.waits(plan.id) ? undefined : await this.#unlessLost(() => this.#store(source, plan, options));
    if (stored) return stored;
    const { sha256, size, file } = source;
    if (file) await this.#parts.store.adopt(sha256, file);
    source.file = undefined;
    return await this.#waiting.queue(plan, { sha256, size });
  }

  /** undefined: contact was lost before it ended. Under the same mutation it can be asked for again. */
  async #unlessLost<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const lost = error instanceof FrontsyncError && (error.code === "TIMEOUT" || error.code === "DATASTORE_UNREACHABLE");
      if (lost && this.#waiting.noContact) return undefined;
      throw error;
    }
  }

  /** Sends it, keeps it here, and commits the document. */
  async #store(source: Source, plan: Plan, { onProgress }: UploadOptions): Promise<Uploaded & { revision: number }> {
    const { asking, store } = this.#parts;
    const { sha256, size } = source;
    for (let round = 0; ; round++) {
      const told = (stored: number) => {
        this.#parts.onProgress({ id: plan.id, sha256, size }, stored);
        onProgress?.(stored);
      };
      const { path } = source;
      const send = async () => {
        plan.patience.progressed();
        await sendContent(asking, { sha256, size, path, patience: plan.patience, signal: plan.signal, onProgress: told });
      };
      await this.#contents.run(sha256, () => this.#sending.run(send));
      plan.patience.progressed();
      if (source.file) {
        // Somebody else's upload or a download of it may have been faster: the same bytes.
        source.path = await store.adopt(sha256, source.file);
        source.file = undefined;
      }
      const done = await this.#commitStored(plan, { sha256 });
      if (done) return done;
      if (round >= MAX_ROUNDS)
        throw new FrontsyncError("CONTENT_MISSING", "The content was collected again and again before its document was written.");
    }
  }

  /** undefined: the content is not in the store. */
  async #commitStored(
    plan: Plan,
    content: { sha256: string } | { from: string },
  ): Promise<(Uploaded & { revision: number }) | undefined> {
    const { asking, holds, stop } = this.#parts;
    const { id, body, mutation, by, ifRevision, over, patience, signal } = plan;
    const condition = { ...(over !== undefined && { over }), ...(ifRevision !== undefined && { ifRevision }) };
    const request = { mutation, by, id, fields: fieldsOf(body), existed: body.op === "patch", ...content, ...condition };
    let stored: ContentCommitReply;
    try {
      stored = await asking.ask("content-commit", request, { patience, signal });
    } catch (error) {
      if (error instanceof FrontsyncError && error.code === "CONTENT_MISSING") return undefined;
      throw error;
    }
    const { revision, sha256, size, version } = stored;
    // So that a get on this bus sees it; what is stored stays stored, however long that takes.
    await withSignal(PATIENCE_MS, stop, (signal) => holds(revision, signal));
    return { id, revision, mutationId: mutation, sha256, size, version };
  }
}
