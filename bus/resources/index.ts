/** Resources: documents with a content. Their contents come here in the background, or at their first use; readers read them from the disk, so
 *  a slow one holds nothing in memory. */
import { setMaxListeners } from "node:events";
import { createReadStream } from "node:fs";
import { open as openFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { checkId, type Doc } from "../../schemas/document.ts";
import { asFrontsyncError, FrontsyncError } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import { RESOURCES } from "../../schemas/resource.ts";
import type { CheckInReply, Resource, WriteReply } from "../../schemas/types.ts";
import type { ActingUser } from "../acting.ts";
import type { Change, DeadLetter, OpenOptions, Resources, Transfer, Transfers, Wait } from "../api.ts";
import { contentsAside } from "../outbox/outbox.ts";
import type { KeptUpload } from "../outbox/request.ts";
import { checkWait, linked, within } from "../platform/deadline.ts";
import { log } from "../platform/log.ts";
import { see } from "../sight.ts";
import { Asking, type AskingParts, Patience } from "./asking.ts";
import { hashFile } from "./content-file.ts";
import { Fetcher } from "./fetcher.ts";
import { LocalStore } from "./local-store.ts";
import { type Receiving, receiveContent } from "./receive.ts";
import { type Sending, sendContent } from "./send.ts";
import { PATIENCE_MS, type UploadParts, Uploads } from "./upload.ts";
import { Uses } from "./uses.ts";

/** How often a file that is not what it was is fetched again within one call. */
const MAX_DOUBTS = 2;

export interface ContentSyncParts extends AskingParts, Pick<UploadParts, "mutationId" | "holds" | "writes"> {
  /** The replica's folder. */
  dir: string;
  schemas: Schemas;
  /** Whether contents come before somebody asks for them. */
  eager: boolean;
  /** Bytes of contents that may wait for the datastore. */
  resourceOutboxMaxBytes: number;
  /** A document as it is shown, with what waits. */
  held(collection: string, id: string): Promise<Doc | undefined>;
  /** Every resource, and then every change of one. */
  changes(signal: AbortSignal): AsyncIterable<Change<Doc>>;
  /** What is wrong with the contents here; undefined: nothing any more. */
  warn(code: string, message: string | undefined): void;
}

export class ContentSync implements Transfers {
  readonly #parts: ContentSyncParts;
  readonly #stop = new AbortController();
  readonly #asking: Asking;
  readonly #store: LocalStore;
  readonly #fetcher: Fetcher;
  readonly #uploads: Uploads;
  readonly #listeners = new Set<(transfer: Transfer) => void>();
  readonly #uses: Uses;
  #maxBytes: number | undefined;
  #healing: Promise<void> | undefined;

  constructor(parts: ContentSyncParts) {
    this.#parts = parts;
    // Each transfer listens to it.
    setMaxListeners(0, this.#stop.signal);
    this.#asking = new Asking(parts);
    const waiting = () => parts.writes.contents();
    this.#store = new LocalStore(join(parts.dir, RESOURCES), (sha256) => waiting().has(sha256));
    const complete = () => parts.state() === "synced";
    const aside = contentsAside(parts.dir);
    const fetching = (sha256: string) => this.#fetcher.has(sha256);
    this.#uses = new Uses({ ...{ store: this.#store, waiting, fetching, aside, complete }, signal: this.#stop.signal });
    this.#fetcher = new Fetcher({
      receive: async (what) => {
        const onProgress = (here: number) => this.#progressed("down", what, here);
        await receiveContent(this.#asking, parts.schemas, this.#store, { ...what, signal: this.#stop.signal, onProgress }).then(
          () => parts.warn("DISK_FULL", undefined),
          (error: unknown) => {
            const { code, message } = asFrontsyncError(error);
            if (code === "DISK_FULL") parts.warn("DISK_FULL", message);
            throw error;
          },
        );
      },
      reachable: (signal) => parts.reachable(signal),
      signal: this.#stop.signal,
    });
    this.#uploads = new Uploads({
      ...{ asking: this.#asking, store: this.#store, stop: this.#stop.signal, writes: parts.writes },
      schema: parts.schemas.collection(RESOURCES),
      outboxMaxBytes: parts.resourceOutboxMaxBytes,
      state: () => parts.state(),
      held: (id) => parts.held(RESOURCES, id),
      touch: (sha256) => this.#uses.touch(sha256),
      mutationId: (given) => parts.mutationId(given),
      holds: (revision, signal) => parts.holds(revision, signal),
      maxBytes: () => this.#maxBytes,
      onProgress: (what, stored) => this.#progressed("up", what, stored),
    });
  }

  /** The replica is open. */
  start(): void {
    void this.#follow();
    void this.#uses.sweep();
  }

  /** As somebody sees and changes them; undefined: the system. */
  as(user: ActingUser | undefined): Resources {
    return {
      upload: async (content, meta, options = {}) => await this.#uploads.upload(user, content, meta, checkWait(options)),
      clone: async (id, meta, options = {}) => await this.#uploads.clone(user, id, meta, checkWait(options)),
      open: async (id, options = {}) => await this.#open(user, id, checkWait(options)),
      local: async (id) => await this.#local(await this.#seen(user, id)),
    };
  }

  /** Brings an upload to its end that has waited in the outbox. */
  async deliver(kept: KeptUpload, signal: AbortSignal): Promise<WriteReply> {
    return await this.#uploads.deliver(kept, signal);
  }

  /** The bytes of an upload that was refused. Throws NOT_FOUND, CONTENT_MISSING. */
  async contentOf({ content, mutationId }: DeadLetter): Promise<Readable> {
    if (!content) throw new FrontsyncError("NOT_FOUND", `The dead letter ${mutationId} is no upload: it has no content.`);
    const path = await this.#store.verified(content.sha256);
    if (path !== undefined) return createReadStream(path);
    const what = `The content ${content.sha256} is not in this webserver's folder any more, or was damaged there`;
    throw new FrontsyncError("CONTENT_MISSING", `${what}: see ${RESOURCES}/${content.sha256}.damaged.`);
  }

  status(): { sentBytes: number; receivedBytes: number; fetching: number; waiting: number } {
    const { running: fetching, waiting } = this.#fetcher;
    const { sentBytes, receivedBytes } = this.#asking;
    return { sentBytes, receivedBytes, fetching, waiting };
  }

  onProgress(listener: (transfer: Transfer) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async fetch(
    { id, sha256, size }: Omit<Receiving, "by" | "patience" | "signal" | "onProgress">,
    options: Wait = {},
  ): Promise<string> {
    const { timeoutMs = PATIENCE_MS, signal } = options;
    const here = await this.#store.verified(sha256);
    if (here !== undefined) return here;
    for (const one of [signal, this.#stop.signal]) one?.throwIfAborted();
    await this.#fetched(this.#fetcher.fetch(id, 0, sha256, size, new Patience(timeoutMs)), signal);
    return (await this.#store.verified(sha256)) as string;
  }

  async give({ path, sha256, size }: Pick<Sending, "path" | "sha256" | "size">, options: Wait = {}): Promise<void> {
    const { timeoutMs = PATIENCE_MS, signal = this.#stop.signal } = options;
    const onProgress = (stored: number) => this.#progressed("up", { id: "", sha256, size }, stored);
    const { controller, release } = linked(signal, this.#stop.signal);
    const sending = { path, sha256, size, patience: new Patience(timeoutMs), signal: controller.signal, onProgress };
    await sendContent(this.#asking, sending).finally(release);
  }

  onCheckIn({ resourceMaxBytes, wantedContents = [] }: CheckInReply): void {
    this.#maxBytes = resourceMaxBytes;
    // While there are others it is told again.
    if (!this.#healing) this.heal(wantedContents);
  }

  /** Gives the datastore contents that it lacks, of those that are here; one such list after the other. */
  heal(wanted: readonly string[]): void {
    const here = wanted.filter((sha256) => this.#store.has(sha256) && this.#uses.has(sha256));
    if (here.length === 0) return;
    const healing: Promise<void> = Promise.resolve(this.#healing)
      .then(() => this.#heal(here))
      .finally(() => {
        if (this.#healing === healing) this.#healing = undefined;
      });
    this.#healing = healing;
  }

  close(): void {
    this.#stop.abort(new FrontsyncError("CLOSED", "The bus is closed."));
  }

  /** As long as there is some progress, or until its caller wants it no more: others may wait for it, too. */
  async #fetched(fetching: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    await within(fetching, "Fetching a content", { timeoutMs: Number.MAX_SAFE_INTEGER, ...(signal && { signal }) });
  }

  async #seen(user: ActingUser | undefined, id: string): Promise<Resource | undefined> {
    const { schemas, held } = this.#parts;
    this.#stop.signal.throwIfAborted();
    const actor = await user?.actor();
    const doc = await held(RESOURCES, checkId(id));
    return (doc && see(schemas.collection(RESOURCES), actor, doc)) as Resource | undefined;
  }

  async #local(doc: Resource | undefined): Promise<string | undefined> {
    if (doc?.sha256 === undefined) return undefined;
    const { id, sha256, size = 0 } = doc;
    const path = await this.#store.verified(sha256);
    // It was here and is damaged, or was taken away: who waits for it to come would wait for ever.
    if (path === undefined && this.#parts.eager && this.#uses.has(sha256) && !this.#fetcher.has(sha256))
      this.#fetcher.want(id, sha256, size);
    return path;
  }

  async #open(user: ActingUser | undefined, id: string, options: OpenOptions): Promise<Readable> {
    const { start = 0, end = Number.MAX_SAFE_INTEGER, timeoutMs = PATIENCE_MS, signal } = options;
    signal?.throwIfAborted();
    for (const [name, value] of Object.entries({ start, end })) {
      if (!Number.isSafeInteger(value) || value < 0)
        throw new FrontsyncError("BAD_MESSAGE", `\`${name}\` must be the number of a byte, not ${value}.`, { path: `/${name}` });
    }
    for (let attempt = 0; ; attempt++) {
      const doc = await this.#seen(user, id);
      if (!doc) throw new FrontsyncError("NOT_FOUND", "There is no such resource.");
      const { sha256, size = 0 } = doc;
      if (sha256 === undefined) throw new FrontsyncError("CONTENT_MISSING", "The resource has no content yet.");
      const path = await this.#store.verified(sha256);
      if (path === undefined) {
        this.#asking.check();
        await this.#fetched(this.#fetcher.fetch(id, user?.uid ?? 0, sha256, size, new Patience(timeoutMs)), signal);
        continue;
      }
      try {
        const file = await openFile(path, "r");
        if ((await file.stat()).size !== size && attempt <= MAX_DOUBTS) {
          await file.close();
          this.#store.doubt(sha256);
          continue;
        }
        if (start < size && start <= end) return file.createReadStream({ start, end: Math.min(end, size - 1) });
        await file.close();
        return Readable.from([]);
      } catch (error) {
        // It was taken away by somebody else than us.
        if (attempt > MAX_DOUBTS || (error as NodeJS.ErrnoException).code !== "ENOENT") throw asFrontsyncError(error);
        this.#store.doubt(sha256);
      }
    }
  }

  /** Knows which contents the documents refer to, and wants those that are not here. */
  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const { id, doc } of this.#parts.changes(signal)) {
        const { sha256, size = 0 } = (doc ?? {}) as Partial<Resource>;
        const given = this.#uses.refer(id, sha256);
        if (given !== undefined) this.#fetcher.forget(given);
        if (sha256 !== undefined && this.#parts.eager && !this.#store.has(sha256)) this.#fetcher.want(id, sha256, size);
      }
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, "the resources can't be followed");
    }
  }

  /** Gives the datastore contents that it has lost. */
  async #heal(wanted: readonly string[]): Promise<void> {
    for (const sha256 of wanted) {
      try {
        const path = await this.#store.verified(sha256);
        // Hashed again: what goes up must be what it is called, whatever became of it here since.
        if (path === undefined || (await hashFile(path)) !== sha256) continue;
        await this.give({ sha256, size: (await stat(path)).size, path });
        log.warn({ sha256 }, "a content that the datastore had lost was given back to it");
      } catch (error) {
        log.warn({ err: error, sha256 }, "a content could not be given back to the datastore");
      }
    }
  }

  #progressed(direction: Transfer["direction"], what: Omit<Transfer, "direction" | "done">, done: number): void {
    const { id, sha256, size } = what;
    for (const listener of this.#listeners) {
      try {
        listener({ direction, id, sha256, size, done });
      } catch (error) {
        log.error({ err: error }, "a listener of transfers failed");
      }
    }
  }
}
