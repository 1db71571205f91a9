/** Writes a backup: by a temporary file, so that there is a whole one under the name, or what was there before. */
import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { randomId } from "../../../bus/platform/random.ts";
import type { BackupHeader, BackupRecord, BackupSeal } from "./format.ts";

const CHUNK_BYTES = 1024 * 1024;

export interface WrittenBackup {
  records: number;
  bytes: number;
  sha256: string;
}

/** Streams the records; at the end the file is on disk. `signal`: the file is taken away again, and its reason thrown. */
export async function writeBackup(
  file: string,
  header: BackupHeader,
  records: Iterable<BackupRecord>,
  { signal, onProgress }: { signal: AbortSignal; onProgress(records: number): void },
): Promise<WrittenBackup> {
  const temporary = `${file}.${randomId().slice(0, 8)}.tmp`;
  const handle = await open(temporary, "wx", 0o600);
  try {
    const written = await writeLines(handle, header, records, (count) => {
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
  header: BackupHeader,
  records: Iterable<BackupRecord>,
  onChunk: (records: number) => void,
): Promise<WrittenBackup> {
  const hash = createHash("sha256");
  let [waiting, count, bytes] = ["", 0, 0];
  const flush = async () => {
    const chunk = Buffer.from(waiting);
    waiting = "";
    bytes += chunk.length;
    hash.update(chunk);
    await handle.writeFile(chunk);
    onChunk(count);
  };
  waiting += `${JSON.stringify(header)}\n`;
  for (const record of records) {
    waiting += `${JSON.stringify(record)}\n`;
    count++;
    if (waiting.length >= CHUNK_BYTES) await flush();
  }
  await flush();
  const sha256 = hash.digest("hex");
  const seal: BackupSeal = { seal: { records: count, sha256 } };
  const last = Buffer.from(`${JSON.stringify(seal)}\n`);
  await handle.writeFile(last);
  return { records: count, bytes: bytes + last.length, sha256 };
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
