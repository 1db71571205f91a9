/** Files that are whole or not there, and disks that have no room. */
import {
  closeSync,
  existsSync,
  fchownSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { FrontsyncError } from "../../schemas/errors.ts";

/** Replaces a file atomically and durably: temp file, fsync, rename, fsync of the folder. Readable by its owner alone, who stays the same: what root mends
 *  is still to be read by the user whose webserver it is. What could not be written whole is taken away: it would keep a full disk full. In parts: what
 *  is too much to be held a second time. */
export function writeAtomically(file: string, data: Uint8Array | string | Iterable<Uint8Array>): void {
  const temporary = `${file}.tmp`;
  const parts = typeof data === "string" ? [Buffer.from(data)] : data instanceof Uint8Array ? [data] : data;
  const descriptor = openSync(temporary, "w", 0o600);
  try {
    try {
      const before = process.getuid?.() === 0 ? statSync(file, { throwIfNoEntry: false }) : undefined;
      if (before && before.uid !== 0) fchownSync(descriptor, before.uid, before.gid);
      for (const bytes of parts) for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(file));
}

/** The same without holding the thread up. Two at once for one file would be in each other's way. */
export async function writeAtomicallySoon(file: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${file}.tmp`;
  const handle = await open(temporary, "w", 0o600);
  try {
    try {
      const before = process.getuid?.() === 0 ? await stat(file).catch(() => undefined) : undefined;
      if (before && before.uid !== 0) await handle.chown(before.uid, before.gid);
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolderSoon(dirname(file));
}

/** Makes a folder, and those above it that are missing, for their owner alone. Node's own way (`recursive`) goes on for ever where a file system takes no
 *  folders: /proc, or a folder for temporary files that was taken away. Throws BAD_CONFIG when the folder can't be used, or DISK_FULL. */
export function makeFolder(folder: string): void {
  try {
    const missing: string[] = [];
    for (let path = resolve(folder); !existsSync(path); path = dirname(path)) missing.unshift(path);
    for (const path of missing) makeOne(path);
    if (!statSync(folder).isDirectory()) throw new Error("it is no folder");
  } catch (cause) {
    const [code, what] = isDiskFull(cause)
      ? (["DISK_FULL", "Free some space."] as const)
      : (["BAD_CONFIG", "Choose another one, or make it for this user."] as const);
    throw new FrontsyncError(code, `The folder ${folder} can't be used: ${(cause as Error).message}. ${what}`, { cause });
  }
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Somebody else has just made it.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Makes durable which files are in a folder. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The same without waiting for it. */
export async function syncFolderSoon(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The system says that the disk, somebody's share of it, or what a file may have (LimitFSIZE) is full. */
export function isDiskFull(error: unknown): boolean {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
}
