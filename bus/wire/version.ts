/** One version of a document as it travels: subject, revision, the headers as they came, the body. Both are carried, and read only when
 *  somebody asks: a version passes several hands that need no more than its revision. */
import type { Envelope } from "../../schemas/types.ts";
import { asBuffer } from "../platform/bytes.ts";
import { headerValue, readEnvelope } from "./envelope.ts";
import { storeSubjectOf } from "./subjects.ts";

export class StoredVersion {
  readonly subject: string;
  readonly revision: number;
  /** A NATS header block. */
  readonly headers: Uint8Array;
  readonly body: Uint8Array;

  constructor(subject: string, revision: number, headers: Uint8Array, body: Uint8Array) {
    this.subject = subject;
    this.revision = revision;
    this.headers = headers;
    this.body = body;
  }

  /** A live message: what was republished of the store. undefined: whoever published it is not the store. */
  static fromLive(subject: string, { headers, body }: { headers: Uint8Array; body: Uint8Array }): StoredVersion | undefined {
    const revision = Number(headerValue(headerText(headers), "Nats-Sequence") ?? 0);
    return revision > 0 ? new StoredVersion(storeSubjectOf(subject), revision, headers, body) : undefined;
  }

  get headerText(): string {
    return headerText(this.headers);
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
