/** Files that are whole or not there. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Replaces a file atomically and durably: temp file, fsync, rename, fsync of the folder. Readable by its owner alone. */
export function writeAtomically(file: string, data: Uint8Array | string): void {
  const temporary = `${file}.tmp`;
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  const descriptor = openSync(temporary, "w", 0o600);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
  syncFolder(dirname(file));
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
