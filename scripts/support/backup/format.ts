/** What is in a backup: JSON lines. First the header, then the contents of resources in pieces, one after the other, then one record for
 *  each document, tombstones too, at last the seal. */

import type { SnapshotVersion } from "../../../bus/replica/snapshot.ts";
import { isObject } from "../../../schemas/document.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { CollectionSchema } from "../../../schemas/index.ts";
import type { RestoredVersion } from "../../../schemas/types.ts";

/** 1: without contents. */
export const FORMAT = 2;
/** Of a content, in one line. */
export const PIECE_BYTES = 256 * 1024;
/** Of a line that is read: above the largest document. */
export const MAX_LINE_BYTES = 32 * 1024 * 1024;

export interface BackupHeader {
  frontsync: "backup";
  format: number;
  /** Of the frontsync that wrote it. */
  version: string;
  generation: string | null;
  /** The datastore as it was at this revision, and nothing later. */
  revision: number;
  at: string;
  /** Passwords and other secret fields are left out. */
  withoutSecrets: boolean;
}

/** A document's last version; without `doc` a tombstone. */
export type BackupRecord = RestoredVersion & { revision: number };

/** A piece of a content: bytes from `at` on. The first one's `at` is 0, and of an empty content it is the only one. */
export interface BackupPiece {
  /** SHA-256 of the whole, hex: its name. */
  content: string;
  size: number;
  at: number;
  base64: string;
}

export interface BackupSeal {
  seal: {
    records: number;
    /** Whole ones. */
    contents: number;
    /** Of every byte before this line, hex. */
    sha256: string;
  };
}

/** A row of a replica as a record. `withoutSecrets`: the collection's schema, to leave its secret fields out. */
export function recordOf(
  { collection, id, revision, envelope, body }: SnapshotVersion,
  withoutSecrets?: CollectionSchema,
): BackupRecord {
  const { version, at, created, by, webserver, seen, origin, schema } = envelope;
  const doc = body === undefined ? undefined : (JSON.parse(body) as Record<string, unknown>);
  if (doc) for (const field of withoutSecrets?.secret ?? []) delete doc[field];
  return {
    collection,
    id,
    revision,
    version,
    at,
    created,
    by,
    webserver,
    seen,
    ...(origin !== undefined && { origin }),
    ...(schema !== undefined && { schema }),
    ...(doc && { doc }),
  };
}

export function damaged(file: string, why: string, cause?: unknown): FrontsyncError {
  return new FrontsyncError("BACKUP_DAMAGED", `${file} is no whole backup: ${why}. Nothing was restored; use another one.`, {
    cause,
  });
}

/** A line of a backup as an object. Throws BACKUP_DAMAGED. */
export function parseLine(file: string, line: Uint8Array, number: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.length).toString());
  } catch (cause) {
    throw damaged(file, `line ${number} is not JSON`, cause);
  }
  if (isObject(value)) return value;
  throw damaged(file, `line ${number} is no object`);
}

/** Throws BAD_CONFIG for a backup of a later frontsync. */
export function checkFormat(file: string, { format, version }: Record<string, unknown>): void {
  if (Number(format) <= FORMAT) return;
  const by = version === undefined ? "a later frontsync" : `frontsync ${version}`;
  throw new FrontsyncError("BAD_CONFIG", `${file} was written by ${by}: use that version to restore it.`);
}

/** The first line. Throws BACKUP_DAMAGED; BAD_CONFIG for a backup of a later frontsync. */
export function checkHeader(file: string, header: Record<string, unknown>): BackupHeader {
  if (header.frontsync !== "backup" || typeof header.format !== "number" || typeof header.revision !== "number")
    throw damaged(file, "its first line is not that of a backup");
  checkFormat(file, header);
  return header as unknown as BackupHeader;
}

/** Throws BACKUP_DAMAGED. */
export function checkPiece(file: string, piece: Record<string, unknown>, number: number): BackupPiece {
  const { content, size, at, base64 } = piece;
  if (typeof content === "string" && /^[0-9a-f]{64}$/.test(content) && typeof base64 === "string")
    if (Number.isSafeInteger(size) && Number.isSafeInteger(at)) return piece as unknown as BackupPiece;
  throw damaged(file, `line ${number} is no piece of a content`);
}

/** Throws BACKUP_DAMAGED. What is in a record is judged by the datastore. */
export function checkRecord(file: string, record: Record<string, unknown>, number: number): BackupRecord {
  const texts = [record.collection, record.id, record.version, record.at, record.created, record.webserver, record.seen];
  if (texts.every((text) => typeof text === "string") && typeof record.revision === "number")
    return record as unknown as BackupRecord;
  throw damaged(file, `line ${number} is no record`);
}
