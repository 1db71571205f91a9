/** The contents of resources, on their way out of a backup or a webserver's folder into the datastore. */
import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Bus } from "../../../bus/api.ts";
import { makeFolder } from "../../../bus/platform/files.ts";
import { hashFile } from "../../../bus/resources/content-file.ts";
import type { Wanted } from "../backup/contents.ts";
import type { BackupPiece } from "../backup/format.ts";
import type { ContentFile } from "../backup/write.ts";

/** Without any progress. */
const PATIENCE_MS = 60_000;

/** The contents of a verified backup, one after the other in one file of `dir`. */
export async function* spooled(pieces: AsyncIterable<BackupPiece>, dir: string): AsyncGenerator<ContentFile, void> {
  makeFolder(dir);
  const path = join(dir, "content");
  let file: FileHandle | undefined;
  try {
    for await (const { content, size, at, base64 } of pieces) {
      file ??= await open(path, "w", 0o600);
      const bytes = Buffer.from(base64, "base64");
      await file.write(bytes, 0, bytes.length, at);
      if (at + bytes.length < size) continue;
      await file.close();
      file = undefined;
      yield { sha256: content, size, path };
    }
  } finally {
    await file?.close();
    await rm(path, { force: true });
  }
}

/** Those of the wanted contents that a webserver's folder has, whole. */
export async function* filesIn(folder: string, wanted: readonly Wanted[]): AsyncGenerator<ContentFile, void> {
  for (const { sha256 } of wanted) {
    const path = join(folder, sha256);
    const found = await hashFile(path).catch(() => undefined);
    if (found === sha256) yield { sha256, size: (await stat(path)).size, path };
  }
}

/** Gives them to the datastore, which keeps what it has already. */
export async function giveContents(
  bus: Bus,
  files: AsyncIterable<ContentFile>,
  { signal, onProgress }: { signal: AbortSignal; onProgress(done: number): void },
): Promise<number> {
  let done = 0;
  for await (const file of files) {
    signal.throwIfAborted();
    await bus.transfers.give(file, { signal, timeoutMs: PATIENCE_MS });
    onProgress(++done);
  }
  return done;
}
