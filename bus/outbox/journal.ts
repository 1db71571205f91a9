/** An append-only file of JSON lines, each with its checksum. What `append` has resolved for is on the disk. A line that was torn by a crash is
 *  cut off when the file is opened again: nobody was told that it was written. */
import { createHash } from "node:crypto";
import { closeSync, fdatasync, ftruncateSync, openSync, readFileSync, write as writeFile } from "node:fs";
import { promisify } from "node:util";
import { FrontsyncError } from "../../schemas/errors.ts";
import { type Deferred, deferred } from "../platform/deadline.ts";
import { writeAtomically } from "../platform/files.ts";
import { log } from "../platform/log.ts";

const CHECKSUM = 16;
const sync = promisify(fdatasync);
const write = promisify(writeFile);

export class Journal {
  readonly #file: string;
  #descriptor: number;
  #size: number;
  #waiting: { line: string; done: Deferred<void> }[] = [];
  #writing: Promise<void> | undefined;

  private constructor(file: string, descriptor: number, size: number) {
    this.#file = file;
    this.#descriptor = descriptor;
    this.#size = size;
  }

  /** Opens the file, or makes it. `read` gets each record; what it throws ends the file there, like a torn line. */
  static open(file: string, read: (json: string) => void): Journal {
    const descriptor = openSync(file, "a+", 0o600);
    const bytes = readFileSync(file);
    let end = 0;
    for (let at = 0; at < bytes.length; ) {
      const newline = bytes.indexOf(0x0a, at);
      if (newline < 0) break;
      const line = bytes.toString("utf8", at, newline);
      const json = line.slice(CHECKSUM + 1);
      if (checksum(json) !== line.slice(0, CHECKSUM)) break;
      try {
        read(json);
      } catch (error) {
        log.error({ err: error, file }, "the outbox has a line that can't be read");
        break;
      }
      at = newline + 1;
      end = at;
    }
    if (end < bytes.length) {
      setAside(file, bytes.subarray(end));
      ftruncateSync(descriptor, end);
    }
    return new Journal(file, descriptor, end);
  }

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  /** Resolves when the record is on the disk; what is appended meanwhile shares the next fsync. Throws DISK_FULL, INTERNAL: then it is not there. */
  append(record: object): Promise<void> {
    const json = JSON.stringify(record);
    const done = deferred<void>();
    this.#waiting.push({ line: `${checksum(json)} ${json}\n`, done });
    this.#writing ??= this.#flush().finally(() => {
      this.#writing = undefined;
    });
    return done.promise;
  }

  /** Replaces the whole file by the records that there are when nothing is being written. */
  async rewrite(records: () => readonly object[]): Promise<void> {
    // From here on nothing is awaited: what is appended meanwhile would go to the old file.
    while (this.#writing) await this.#writing;
    const lines = records().map((record) => {
      const json = JSON.stringify(record);
      return `${checksum(json)} ${json}\n`;
    });
    const text = lines.join("");
    writeAtomically(this.#file, text);
    closeSync(this.#descriptor);
    this.#descriptor = openSync(this.#file, "a", 0o600);
    this.#size = Buffer.byteLength(text);
  }

  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
    closeSync(this.#descriptor);
  }

  async #flush(): Promise<void> {
    // What comes in this turn of the event loop goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0);
      const bytes = Buffer.from(group.map(({ line }) => line).join(""));
      try {
        for (let written = 0; written < bytes.length; )
          written += (await write(this.#descriptor, bytes, written, bytes.length - written)).bytesWritten;
        await sync(this.#descriptor);
        this.#size += bytes.length;
        for (const { done } of group) done.resolve();
      } catch (cause) {
        // Half of a record must not stay: the next one would be lost with it.
        ftruncateSync(this.#descriptor, this.#size);
        for (const { done } of group) done.reject(asError(cause));
      }
    }
  }
}

function checksum(json: string): string {
  return createHash("sha256").update(json).digest("hex").slice(0, CHECKSUM);
}

/** What is cut off may still be of use to somebody who looks for it. */
function setAside(file: string, torn: Uint8Array): void {
  log.warn({ file, bytes: torn.length }, "the outbox ends with a torn line, which is cut off: its write was never acknowledged");
  writeAtomically(`${file}.torn`, torn);
}

function asError(cause: unknown): FrontsyncError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const full = code === "ENOSPC" || code === "EDQUOT";
  return new FrontsyncError(full ? "DISK_FULL" : "INTERNAL", `The outbox can't be written: ${message}. Nothing was stored.`, {
    cause,
  });
}
