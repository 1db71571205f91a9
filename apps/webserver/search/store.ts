/** The results that this webserver holds: for each a folder `<id>` with its lines, one JSON object a line. They are this machine's own state;
 *  what others know of them is the document of the same id. */

import { createWriteStream, existsSync, type WriteStream } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { FrontsyncError, isDiskFull, makeFolder } from "../../../bus/index.ts";
import type { Found } from "./scan.ts";

const LINES = "lines.ndjson";
const ID = /^[A-Za-z0-9_-]{1,64}$/;

export class ResultStore {
  readonly #dir: string;
  readonly #maxBytes: number;
  #used = 0;

  /** `maxBytes`: of all results together. */
  constructor(dir: string, maxBytes: number) {
    this.#dir = dir;
    this.#maxBytes = maxBytes;
  }

  /** Looks how much is there. While nothing is written: what is still on its way to the disk is not seen. */
  async measure(): Promise<void> {
    const ids = (await this.ids()).filter((id) => this.holds(id));
    const sizes = await Promise.all(ids.map((id) => this.bytesOf(id).catch(() => 0)));
    this.#used = sizes.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Throws DISK_FULL when so many bytes more are too many. */
  checkRoom(bytes: number): void {
    if (this.#used + bytes <= this.#maxBytes) return;
    throw new FrontsyncError(
      "DISK_FULL",
      `The results on this webserver may take ${this.#maxBytes} bytes, and ${this.#used} are taken: delete results that nobody needs, or search on another webserver.`,
      { limit: this.#maxBytes },
    );
  }

  /** The file of a result's lines. Throws NOT_FOUND for what is no id of ours. */
  fileOf(id: string): string {
    return join(this.#folderOf(id), LINES);
  }

  holds(id: string): boolean {
    return ID.test(id) && existsSync(this.fileOf(id));
  }

  async bytesOf(id: string): Promise<number> {
    return (await stat(this.fileOf(id))).size;
  }

  async begin(id: string, maxBytes: number): Promise<ResultWriter> {
    makeFolder(this.#folderOf(id));
    const grow = (bytes: number) => {
      this.checkRoom(bytes);
      this.#used += bytes;
    };
    return new ResultWriter(this.fileOf(id), maxBytes, grow);
  }

  async ids(): Promise<string[]> {
    const names = await readdir(this.#dir).catch(() => []);
    return names.filter((name) => ID.test(name));
  }

  async remove(id: string): Promise<void> {
    const bytes = this.holds(id) ? await this.bytesOf(id).catch(() => 0) : 0;
    await rm(this.#folderOf(id), { recursive: true, force: true });
    this.#used = Math.max(0, this.#used - bytes);
  }

  #folderOf(id: string): string {
    if (ID.test(id)) return join(this.#dir, id);
    throw new FrontsyncError("NOT_FOUND", "There is no such result.");
  }
}

/** Writes lines as fast as the disk takes them. */
export class ResultWriter {
  readonly #stream: WriteStream;
  readonly #max: number;
  readonly #grow: (bytes: number) => void;
  #failed: Error | undefined;
  #goOn: () => void = () => {};
  lines = 0;
  bytes = 0;

  /** `grow` is told before more is written, and throws when there is no room. */
  constructor(file: string, maxBytes: number, grow: (bytes: number) => void) {
    this.#stream = createWriteStream(file, { flags: "wx", mode: 0o600, flush: true });
    this.#max = maxBytes;
    this.#grow = grow;
    this.#stream.on("error", (error) => (this.#failed = error));
    for (const event of ["drain", "close"]) this.#stream.on(event, () => this.#goOn());
  }

  /** false: the result is full. Throws DISK_FULL and what the file system says. */
  async write(found: readonly Found[]): Promise<boolean> {
    let text = "";
    let full = false;
    let refused: { why: unknown } | undefined;
    for (const line of found) {
      const record = `${JSON.stringify(line)}\n`;
      const bytes = Buffer.byteLength(record);
      full = this.bytes + bytes > this.#max;
      if (full) break;
      try {
        this.#grow(bytes);
      } catch (why) {
        // What there was room for is counted, so it is written.
        refused = { why };
        break;
      }
      text += record;
      this.bytes += bytes;
      this.lines++;
    }
    if (text !== "" && !this.#failed && !this.#stream.write(text) && !this.#stream.destroyed) await this.#drained();
    if (this.#failed) throw asDiskFault(this.#failed);
    if (refused) throw refused.why;
    return !full;
  }

  async end(): Promise<void> {
    if (!this.#stream.destroyed) {
      this.#stream.end();
      await new Promise<void>((resolve) => this.#stream.once("close", resolve));
    }
    if (this.#failed) throw asDiskFault(this.#failed);
  }

  /** Until the disk has taken what was written, or takes no more. */
  #drained(): Promise<void> {
    return new Promise<void>((resolve) => (this.#goOn = resolve));
  }
}

function asDiskFault(error: Error): Error {
  if (!isDiskFull(error)) return error;
  return new FrontsyncError("DISK_FULL", "The disk is full: the result was not stored. Free some space, and search again.", {
    cause: error,
  });
}
