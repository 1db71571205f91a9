/** The wire as the previous version had it, written down on its own: were it taken from the sources, it would change with them. Messages
 *  are checked strictly by the schemas in previous/. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { Ajv } from "ajv";

const FOLDER = new URL("../../../tests/support/previous/", import.meta.url);
const ENVELOPE = {
  version: "Fs-Version",
  by: "Fs-By",
  webserver: "Fs-Webserver",
  at: "Fs-Time",
  created: "Fs-Created",
  sha256: "Fs-Sha256",
  seen: "Fs-Seen",
  signature: "Fs-Signature",
  id: "Fs-Id",
};

const ajv = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true });
for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".json")))
  ajv.addSchema(JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as object);

export type Json = Record<string, unknown>;

/** A message of a kind; fails when the previous version would refuse it. */
export function checked<T = Json>(kind: string, message: unknown): T {
  const fits = ajv.validate(kind, message);
  assert.ok(fits, `the previous version refuses this ${kind}: ${ajv.errorsText()} ${JSON.stringify(message).slice(0, 500)}`);
  return message as T;
}

export function readJson<T = Json>(kind: string, bytes: Uint8Array): T {
  return checked<T>(kind, JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
}

/** A version as it is carried: `headers` is a NATS header block. */
export interface Carried {
  subject: string;
  revision: number;
  headers: string;
  body: Buffer;
}

export function headerOf(headers: string, name: string): string | undefined {
  const line = headers.split("\r\n").find((one) => one.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim();
}

/** Checks what a document's version says of itself. */
export function checkVersion({ headers, body, subject }: Carried): void {
  const envelope: Json = {};
  for (const [field, header] of Object.entries(ENVELOPE)) {
    const value = headerOf(headers, header);
    if (value !== undefined) envelope[field] = field === "by" ? Number(value) : value;
  }
  checked("envelope", envelope);
  assert.equal(envelope.sha256, sha256(body).toString("base64url"), `${subject} has the hash of its body`);
}

export function envelopeHeaders(envelope: Json): [string, string][] {
  return Object.entries(checked("envelope", envelope)).map(([field, value]) => [
    ENVELOPE[field as keyof typeof ENVELOPE],
    String(value),
  ]);
}

export function sha256(data: Uint8Array | string): Buffer {
  return createHash("sha256").update(data).digest();
}

/** A digest for each collection. */
export function digestsOf(versions: Iterable<{ subject: string; revision: number }>): Record<string, string> {
  const digests = new Map<string, Buffer>();
  for (const { subject, revision } of versions) {
    const [, , collection = ""] = subject.split(".");
    if (collection.startsWith("_")) continue;
    const digest = digests.get(collection) ?? Buffer.alloc(16);
    const hash = sha256(`${subject} ${revision}`);
    digests.set(collection, digest.map((byte, at) => byte ^ (hash[at] as number)) as Buffer);
  }
  return Object.fromEntries([...digests].map(([collection, digest]) => [collection, Buffer.from(digest).toString("hex")]));
}

/** A page: each piece after its length, 32 bits; first the head, then subject, revision, headers and body of each record. */
export function encodePage(head: Json, records: readonly Carried[]): Buffer {
  const pieces: Buffer[] = [Buffer.from(JSON.stringify(checked("changes.reply", head)))];
  for (const { subject, revision, headers, body } of records) {
    const number = Buffer.alloc(8);
    number.writeDoubleBE(revision);
    pieces.push(Buffer.from(subject), number, Buffer.from(headers, "latin1"), body);
  }
  return Buffer.concat(
    pieces.flatMap((piece) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(piece.length);
      return [length, piece];
    }),
  );
}

export function decodePage(page: Uint8Array): { head: Json; records: Carried[] } {
  const bytes = Buffer.from(page);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    assert.ok(end <= bytes.length, "a page is whole");
    pieces.push(bytes.subarray(at + 4, end));
    at = end;
  }
  const head = readJson("changes.reply", pieces.shift() ?? Buffer.alloc(0));
  const records: Carried[] = [];
  while (pieces.length > 0) {
    const [subject, number, headers, body] = pieces.splice(0, 4) as [Buffer, Buffer, Buffer, Buffer];
    records.push({ subject: String(subject), revision: number.readDoubleBE(), headers: headers.toString("latin1"), body });
  }
  assert.equal(records.length, head.records);
  return { head, records };
}
