/** One version of a document as it travels: subject, revision, the headers as they came, the body. Both are carried, and read only when
 *  somebody asks: a version passes several hands that need no more than its revision. */
import type { Envelope } from "../../schemas/types.ts";
import { asBuffer } from "../platform/bytes.ts";
import { headerValue, readEnvelope } from "./envelope.ts";
import type { RawMessage } from "./nats.ts";
import { storeSubjectOf } from "./subjects.ts";

export class StoredVersion {
  readonly subject: string;
  readonly revision: number;
  /** The headers, perhaps something else, the body. One piece of memory, since each view of it is dearer than all else here. */
  readonly #bytes: Buffer;
  readonly #headersEnd: number;
  readonly #bodyStart: number;

  constructor(subject: string, revision: number, bytes: Buffer, headersEnd: number, bodyStart = headersEnd) {
    this.subject = subject;
    this.revision = revision;
    this.#bytes = bytes;
    this.#headersEnd = headersEnd;
    this.#bodyStart = bodyStart;
  }

  static of(subject: string, revision: number, headers: Uint8Array, body: Uint8Array): StoredVersion {
    return new StoredVersion(subject, revision, Buffer.concat([headers, body]), headers.length);
  }

  /** A live message: what was republished of the store. undefined: whoever published it is not the store. */
  static fromLive(subject: string, { bytes, headersEnd }: RawMessage): StoredVersion | undefined {
    const revision = Number(headerValue(bytes.toString("latin1", 0, headersEnd), "Nats-Sequence") ?? 0);
    return revision > 0 ? new StoredVersion(storeSubjectOf(subject), revision, bytes, headersEnd) : undefined;
  }

  /** A NATS header block. */
  get headers(): Uint8Array {
    return this.#bytes.subarray(0, this.#headersEnd);
  }

  get body(): Uint8Array {
    return this.#bytes.subarray(this.#bodyStart);
  }

  get headersLength(): number {
    return this.#headersEnd;
  }

  get bodyLength(): number {
    return this.#bytes.length - this.#bodyStart;
  }

  /** Returns how many bytes were copied; so does `copyBody`. */
  copyHeaders(target: Buffer, at: number): number {
    return this.#bytes.copy(target, at, 0, this.#headersEnd);
  }

  copyBody(target: Buffer, at: number): number {
    return this.#bytes.copy(target, at, this.#bodyStart);
  }

  get headerText(): string {
    return this.#bytes.toString("latin1", 0, this.#headersEnd);
  }

  get bodyText(): string {
    return this.#bytes.toString("utf8", this.#bodyStart);
  }

  /** undefined: not a document, but one of the store's own. */
  get envelope(): Envelope | undefined {
    return readEnvelope(this.headerText);
  }

  /** Also what no function has stored: it has no envelope, so there is no document here. */
  get deleted(): boolean {
    return isTombstone(this.headerText);
  }
}

/** Whether a version with these headers is no document: a tombstone, or what no function has stored. */
export function isTombstone(headers: string): boolean {
  const operation = headerValue(headers, "KV-Operation");
  return operation === "DEL" || operation === "PURGE" || headerValue(headers, "Fs-Version") === undefined;
}

/** Header values are ASCII: latin1 is the fastest way to them. */
export function headerText(headers: Uint8Array): string {
  return asBuffer(headers).toString("latin1");
}
