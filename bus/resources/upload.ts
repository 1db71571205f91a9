/** Uploads: the content first, then its document. Whatever is interrupted in between leaves nothing that is visible. */
import { sha256 as hashOf } from "../../schemas/digest.ts";
import { checkId, type Doc, encodeJson, isObject, withoutReadOnly } from "../../schemas/document.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import type { ContentCommitReply } from "../../schemas/types.ts";
import type { ActingUser } from "../acting.ts";
import type { Uploaded, UploadOptions, WriteOptions } from "../api.ts";
import { Limiter } from "../platform/limiter.ts";
import { toBase32 } from "../platform/random.ts";
import type { Row } from "../replica/index.ts";
import { liveDoc } from "../replica/row.ts";
import { type Asking, Patience } from "./asking.ts";
import type { ContentFile } from "./content-file.ts";
import type { LocalStore } from "./local-store.ts";
import { sendContent } from "./send.ts";
import { spool } from "./spool.ts";

export const RESOURCES = "resources";
export const PATIENCE_MS = 30_000;
/** How often a content that is collected between its upload and its document is uploaded again. */
const MAX_ROUNDS = 10;
/** Contents on their way up at once: each has a few chunks in memory. */
const SENDING = 4;
const SHA256 = /^[0-9a-f]{64}$/;

export interface UploadParts {
  schema: CollectionSchema;
  asking: Asking;
  store: LocalStore;
  /** The document as it is held here, also a tombstone. */
  row(id: string): Promise<Row | undefined>;
  mutationId(given: string | undefined): string;
  /** Resolves when this replica holds a revision, or the signal aborts. */
  holds(revision: number, signal: AbortSignal): Promise<void>;
  /** The datastore's limit, when it is known. */
  maxBytes(): number | undefined;
  onProgress(what: { id: string; sha256: string; size: number }, stored: number): void;
  /** Aborts when the bus is closed. */
  stop: AbortSignal;
}

/** What is to become of the document. */
interface Plan {
  id: string;
  fields: Doc;
  existed: boolean;
  mutation: string;
  by: number;
  ifRevision: number | undefined;
  patience: Patience;
  signal: AbortSignal;
}

/** A content that is on this machine, whole: in the local store, or in a file that is to go there. */
interface Source {
  sha256: string;
  size: number;
  path: string;
  file?: ContentFile | undefined;
}

export class Uploads {
  readonly #parts: UploadParts;
  readonly #sending = new Limiter(SENDING);

  constructor(parts: UploadParts) {
    this.#parts = parts;
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
    return await this.#planned(user, meta, options, async (plan) => {
      // The system is trusted with a hash alone; a user shows the bytes.
      const known = sha256 !== undefined && !user ? await this.#commitStored(plan, { sha256 }) : undefined;
      if (known) {
        options.onProgress?.(known.size);
        return known;
      }
      const source = await this.#spool(content, plan, options);
      try {
        return await this.#store(source, plan, options);
      } catch (error) {
        await source.file?.discard().catch(() => {});
        throw error;
      }
    });
  }

  /** A new document with the content of another one. */
  async clone(user: ActingUser | undefined, from: string, meta: Doc, options: WriteOptions & { id?: string }): Promise<Uploaded> {
    checkId(from);
    return await this.#planned(user, meta, options, async (plan) => {
      const done = await this.#commitStored(plan, { from });
      if (done) return done;
      throw new FrontsyncError("CONTENT_MISSING", "The content that is to be cloned is not in the datastore.");
    });
  }

  /** Checks what can be checked before a byte is read, and by a user also the right to it. */
  async #planned(
    user: ActingUser | undefined,
    meta: Doc,
    options: WriteOptions & { id?: string },
    run: (plan: Plan) => Promise<Uploaded>,
  ): Promise<Uploaded> {
    const { schema, asking, mutationId, row, stop } = this.#parts;
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
    const before = liveDoc(schema, await row(id));
    schema.validate({ ...before, ...fields });
    // The seam for an outbox: without a datastore the content would be spooled, and `run` be queued with it.
    asking.check();
    const plan: Plan = {
      id,
      fields,
      existed: before !== undefined,
      mutation,
      by: user?.uid ?? 0,
      ifRevision,
      patience: new Patience(timeoutMs),
      signal: signal ? AbortSignal.any([stop, signal]) : stop,
    };
    if (!user) return await run(plan);
    const body = before ? { op: "patch" as const, merge: fields } : { op: "put" as const, doc: fields };
    return (await user.write(schema, id, body, () => run(plan))) as Uploaded;
  }

  async #spool(
    content: AsyncIterable<Uint8Array>,
    plan: Plan,
    { sha256, timeoutMs = PATIENCE_MS }: UploadOptions,
  ): Promise<Source> {
    const { store, maxBytes } = this.#parts;
    const file = await store.spool();
    try {
      const found = await spool(content, file, { maxBytes: maxBytes(), timeoutMs, signal: plan.signal });
      if (sha256 !== undefined && sha256 !== found)
        throw new FrontsyncError("CONTENT_MISMATCH", `The content is not ${sha256} but ${found}. Nothing was stored.`);
      plan.patience.progressed();
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

  /** Sends it, keeps it here, and commits the document. */
  async #store(source: Source, plan: Plan, { onProgress }: UploadOptions): Promise<Uploaded> {
    const { asking, store } = this.#parts;
    const { sha256, size } = source;
    let { path, file } = source;
    for (let round = 0; ; round++) {
      const told = (stored: number) => {
        this.#parts.onProgress({ id: plan.id, sha256, size }, stored);
        onProgress?.(stored);
      };
      const from = path;
      await this.#sending.run(async () => {
        plan.patience.progressed();
        await sendContent(asking, { sha256, size, path: from, patience: plan.patience, signal: plan.signal, onProgress: told });
      });
      plan.patience.progressed();
      if (file) {
        // Somebody else's upload or a download of it may have been faster: the same bytes.
        path = await store.adopt(sha256, file);
        source.file = file = undefined;
      }
      const done = await this.#commitStored(plan, { sha256 });
      if (done) return done;
      if (round >= MAX_ROUNDS)
        throw new FrontsyncError("CONTENT_MISSING", "The content was collected again and again before its document was written.");
    }
  }

  /** undefined: the content is not in the store. */
  async #commitStored(plan: Plan, content: { sha256: string } | { from: string }): Promise<Uploaded | undefined> {
    const { asking, holds, stop } = this.#parts;
    const { id, fields, existed, mutation, by, ifRevision, patience, signal } = plan;
    const request = { mutation, by, id, fields, existed, ...content, ...(ifRevision !== undefined && { ifRevision }) };
    let stored: ContentCommitReply;
    try {
      stored = await asking.ask("content-commit", request, { patience, signal });
    } catch (error) {
      if (error instanceof FrontsyncError && error.code === "CONTENT_MISSING") return undefined;
      throw error;
    }
    const { revision, sha256, size, version } = stored;
    // So that a get on this bus sees it; what is stored stays stored, however long that takes.
    await holds(revision, AbortSignal.any([stop, AbortSignal.timeout(PATIENCE_MS)]));
    return { id, revision, mutationId: mutation, sha256, size, version };
  }
}
