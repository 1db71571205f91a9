/** Writes a backup: by a temporary file, so that there is a whole one under the name, or what was there before. */
import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { randomId } from "../../../bus/platform/random.ts";
import type { Encryption } from "./encryption.ts";
import type { BackupHeader, BackupRecord, BackupSeal } from "./format.ts";

const CHUNK_BYTES = 1024 * 1024;

export interface WrittenBackup {
  records: number;
  bytes: number;
  sha256: string;
}

export interface WriteOptions {
  /** undefined: as it is. */
  encryption: Encryption | undefined;
  signal: AbortSignal;
  onProgress(records: number): void;
}

/** Streams the records; at the end the file is on disk. `signal`: the file is taken away again, and its reason thrown. */
export async function writeBackup(
  file: string,
  header: BackupHeader,
  records: Iterable<BackupRecord>,
  { encryption, signal, onProgress }: WriteOptions,
): Promise<WrittenBackup> {
  const temporary = `${file}.${randomId().slice(0, 8)}.tmp`;
  const handle = await open(temporary, "wx", 0o600);
  try {
    const written = await writeLines(handle, encryption, header, records, (count) => {
      signal.throwIfAborted();
      onProgress(count);
    });
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
    await syncFolder(dirname(file));
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
  records: Iterable<BackupRecord>,
  onChunk: (records: number) => void,
): Promise<WrittenBackup> {
  const hash = createHash("sha256");
  let [waiting, count, bytes] = ["", 0, 0];
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
  for (const record of records) {
    waiting += `${JSON.stringify(record)}\n`;
    count++;
    if (waiting.length >= CHUNK_BYTES) await flush();
  }
  await flush();
  const sha256 = hash.digest("hex");
  const seal: BackupSeal = { seal: { records: count, sha256 } };
  await write(Buffer.from(`${JSON.stringify(seal)}\n`), true);
  return { records: count, bytes, sha256 };
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
