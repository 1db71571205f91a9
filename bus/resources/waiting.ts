/** Uploads without contact: their contents wait on this webserver's disk, and their documents in the outbox, which sends both in the order
 *  of the document's writes. */

import type { Doc } from "../../schemas/document.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { CollectionSchema } from "../../schemas/index.ts";
import { type Content, RESOURCES, withContent } from "../../schemas/resource.ts";
import type { State, Uploaded } from "../api.ts";
import type { WriteBody } from "../outbox/request.ts";
import type { Writes } from "../writes.ts";

export interface WaitingParts {
  schema: CollectionSchema;
  writes: Pick<Writes, "write" | "isPending" | "contents">;
  state(): State;
  /** The document as it is shown here; undefined: there is none. */
  held(id: string): Promise<Doc | undefined>;
  /** Bytes of contents that may wait. */
  outboxMaxBytes: number;
}

/** The document's part of an upload. */
export interface UploadWrite {
  id: string;
  body: WriteBody;
  mutation: string;
  by: number;
  ifRevision: number | undefined;
  signal: AbortSignal;
}

export class WaitingUploads {
  readonly #parts: WaitingParts;
  /** Bytes of contents that are being read. */
  #reading = 0;

  constructor(parts: WaitingParts) {
    this.#parts = parts;
  }

  get noContact(): boolean {
    return this.#parts.state() === "degraded";
  }

  /** Whether an upload must not go its own way: nobody is there, or earlier writes of the document have not ended. */
  waits(id: string): boolean {
    return this.noContact || this.#parts.writes.isPending(RESOURCES, id);
  }

  /** Makes sure that there is room, while there is no contact, for bytes that are being read: what `free` gives back. Throws DISK_FULL. */
  take(bytes: number): void {
    if (this.noContact) this.#check(bytes);
    this.#reading += bytes;
  }

  free(bytes: number): void {
    this.#reading -= bytes;
  }

  /** Hands it to the outbox: with contact it resolves when it is stored, else when it waits there. Throws what a write throws. */
  async queue({ id, body, mutation, by, ifRevision, signal }: UploadWrite, content: Content): Promise<Uploaded> {
    const { schema, writes, held } = this.#parts;
    const fields = fieldsOf(body);
    const { version } = withContent(schema, await held(id), fields, content);
    // Again: contact may have been there when it was read.
    if (this.noContact) this.#check(writes.contents().has(content.sha256) ? 0 : content.size);
    const options = { by, signal, timeoutMs: Number.MAX_SAFE_INTEGER, ...(ifRevision !== undefined && { ifRevision }) };
    const bytes = Buffer.byteLength(JSON.stringify(fields));
    const written = await writes.write(schema, id, { ...body, content } as WriteBody, bytes, mutation, options);
    return { ...written, ...content, version: Number(version) };
  }

  #check(more: number): void {
    const { writes, outboxMaxBytes: limit } = this.#parts;
    const waiting = [...writes.contents().values()].reduce((sum, size) => sum + size, 0);
    if (waiting + this.#reading + more <= limit) return;
    const what = `Contents of ${limit} bytes may wait here for the datastore; with this one it would be more. Nothing of it was stored.`;
    throw new FrontsyncError("DISK_FULL", `${what} Try again when there is contact, or discard dead letters.`, { limit });
  }
}

/** What a write names of its document. */
export function fieldsOf(body: WriteBody): Doc {
  return body.op === "put" ? body.doc : body.op === "patch" ? body.merge : {};
}
