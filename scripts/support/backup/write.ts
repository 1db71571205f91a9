/** Writes a backup: by a temporary file, so that there is a whole one under the name, or what was there before. */

import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolderSoon } from "../../../bus/platform/files.ts";
import { randomId } from "../../../bus/platform/random.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { Encryption } from "./encryption.ts";
import { type BackupHeader, type BackupPiece, type BackupRecord, type BackupSeal, PIECE_BYTES } from "./format.ts";

const CHUNK_BYTES = 1024 * 1024;

export interface WrittenBackup {
  records: number;
  contents: number;
  bytes: number;
  sha256: string;
}

export interface WriteOptions {
  /** undefined: as it is. */
  encryption: Encryption | undefined;
  signal: AbortSignal;
  onProgress(records: number): void;
}

/** A content that is to be in it: a file, verified, which is there until the next one is asked for. */
export interface ContentFile {
  sha256: string;
  size: number;
  path: string;
}

export interface Body {
  contents: AsyncIterable<ContentFile>;
  records: Iterable<BackupRecord>;
}

/** Streams contents and records; at the end the file is on disk. `signal`: the file is taken away again, and its reason thrown. */
export async function writeBackup(
  file: string,
  header: BackupHeader,
  body: Body,
  { encryption, signal, onProgress }: WriteOptions,
): Promise<WrittenBackup> {
  const temporary = `${file}.${randomId().slice(0, 8)}.tmp`;
  const handle = await open(temporary, "wx", 0o600);
  try {
    const written = await writeLines(handle, encryption, header, body, (count) => {
      signal.throwIfAborted();
      onProgress(count);
    });
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
    await syncFolderSoon(dirname(file));
    return written;
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeLines(
  handle: FileHandle,
  encryption: Encryption | undefined,
  header: BackupHeader,
  { contents: files, records }: Body,
  onChunk: (records: number) => void,
): Promise<WrittenBackup> {
  const hash = createHash("sha256");
  let [waiting, count, contents, bytes] = ["", 0, 0, 0];
  const write = async (text: Buffer, last: boolean) => {
    const stored = encryption ? encryption.seal(text, last) : text;
    bytes += stored.length;
    await handle.writeFile(stored);
  };
  const flush = async () => {
    const chunk = Buffer.from(waiting);
    waiting = "";
    hash.update(chunk);
    await write(chunk, false);
    onChunk(count);
  };
  if (encryption) {
    await handle.writeFile(encryption.firstLine);
    bytes += encryption.firstLine.length;
  }
  waiting += `${JSON.stringify(header)}\n`;
  for await (const file of files) {
    for await (const piece of piecesOf(file)) {
      waiting += `${JSON.stringify(piece)}\n`;
      if (waiting.length >= CHUNK_BYTES) await flush();
    }
    contents++;
  }
  for (const record of records) {
    waiting += `${JSON.stringify(record)}\n`;
    count++;
    if (waiting.length >= CHUNK_BYTES) await flush();
  }
  await flush();
  const sha256 = hash.digest("hex");
  const seal: BackupSeal = { seal: { records: count, contents, sha256 } };
  await write(Buffer.from(`${JSON.stringify(seal)}\n`), true);
  return { records: count, contents, bytes, sha256 };
}

async function* piecesOf({ sha256: content, size, path }: ContentFile): AsyncGenerator<BackupPiece, void> {
  const handle = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(PIECE_BYTES);
    let at = 0;
    do {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(PIECE_BYTES, size - at), at);
      if (bytesRead === 0 && at < size) throw new FrontsyncError("CONTENT_MISMATCH", `${path} became shorter while it was read.`);
      yield { content, size, at, base64: buffer.toString("base64", 0, bytesRead) };
      at += bytesRead;
    } while (at < size);
  } finally {
    await handle.close();
  }
}
