/** A file that a content is written to: hashed as it grows, on the disk before it gets its name. Until then nobody sees it. */

import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { FrontsyncError } from "../../schemas/errors.ts";
import { isDiskFull, syncFolderSoon } from "../platform/files.ts";
import { hooks } from "../wire/hooks.ts";

/** Of a read, where a file is read from its beginning to its end. */
const READ_BYTES = 256 * 1024;

export class ContentFile {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #hash: Hash;
  #bytes: number;

  private constructor(path: string, file: FileHandle, hash: Hash, bytes: number) {
    this.path = path;
    this.#file = file;
    this.#hash = hash;
    this.#bytes = bytes;
  }

  /** An empty one. Throws DISK_FULL, INTERNAL, as all of these do. */
  static async create(path: string): Promise<ContentFile> {
    return new ContentFile(path, await orFault(open(path, "w+", 0o600)), createHash("sha256"), 0);
  }

  /** What an earlier attempt has left, cut to a multiple of `unit` bytes, at most `most`; empty when there is nothing. */
  static async resume(path: string, unit: number, most: number): Promise<ContentFile> {
    const file = await orFault(open(path, "a+", 0o600));
    try {
      const { size } = await file.stat();
      const bytes = size > most ? 0 : Math.floor(size / unit) * unit;
      await file.truncate(bytes);
      const hash = createHash("sha256");
      await feed(file, hash);
      return new ContentFile(path, file, hash, bytes);
    } catch (error) {
      await file.close();
      throw fault(error);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Appends. */
  async write(bytes: Uint8Array): Promise<void> {
    if (hooks.diskFull?.(this.path)) throw fault(Object.assign(new Error("no space left (a test)"), { code: "ENOSPC" }));
    this.#hash.update(bytes);
    for (let at = 0; at < bytes.length; ) {
      at += (await orFault(this.#file.write(bytes, at, bytes.length - at, this.#bytes + at))).bytesWritten;
    }
    this.#bytes += bytes.length;
  }

  /** The hash of all that was written; afterwards nothing more can be. */
  digest(): string {
    return this.#hash.digest("hex");
  }

  /** Gives it its name, when it is on the disk. */
  async seal(name: string): Promise<void> {
    await orFault(this.#file.datasync());
    await this.close();
    await orFault(rename(this.path, name));
    await syncFolderSoon(dirname(name));
  }

  /** Leaves it as it is, to be resumed. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  async discard(): Promise<void> {
    await this.close();
    await rm(this.path, { force: true });
  }
}

/** The hash of a file. */
export async function hashFile(path: string): Promise<string> {
  const file = await orFault(open(path, "r"));
  try {
    const hash = createHash("sha256");
    await feed(file, hash);
    return hash.digest("hex");
  } finally {
    await file.close();
  }
}

async function feed(file: FileHandle, hash: Hash): Promise<void> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, at);
    if (bytesRead === 0) return;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

async function orFault<T>(doing: Promise<T>): Promise<T> {
  try {
    return await doing;
  } catch (error) {
    throw fault(error);
  }
}

function fault(error: unknown): FrontsyncError {
  const { message } = error as Error;
  if (isDiskFull(error))
    return new FrontsyncError(
      "DISK_FULL",
      "There is no room for a resource's content on this webserver. Free space, then try again.",
      {
        cause: error,
      },
    );
  return new FrontsyncError("INTERNAL", `A resource's content could not be read or written here: ${message}`, { cause: error });
}
