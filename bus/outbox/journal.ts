/** An append-only file of JSON lines, each with its checksum. What `append` has resolved for is on the disk. A line that was torn by a crash is
 *  cut off when the file is opened again: nobody was told that it was written. A line that was damaged later is set aside. */

import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  write as writeFile,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { FrontsyncError } from "../../schemas/errors.ts";
import { clock } from "../platform/clock.ts";
import { type Deferred, deferred } from "../platform/deadline.ts";
import { isDiskFull, syncFolder, writeAtomically } from "../platform/files.ts";
import { log } from "../platform/log.ts";

const CHECKSUM = 16;
/** Characters that are written at once, where the whole file is. */
const PART = 1024 * 1024;
const NEWLINE = 0x0a;
const DAMAGED = ".damaged-";
const sync = promisify(fdatasync);
const write = promisify(writeFile);

export class Journal {
  readonly #file: string;
  /** undefined: it is opened at the next write. */
  #descriptor: number | undefined;
  #size: number;
  /** A part of a line is at the end of the file, and could not be taken away. */
  #torn = false;
  #waiting: { line: string; done: Deferred<void> }[] = [];
  #writing: Promise<void> | undefined;
  /** What was wrong with the file, for who runs this webserver. */
  readonly damage: string | undefined;

  private constructor(file: string, descriptor: number, size: number, damage: string | undefined) {
    this.#file = file;
    this.#descriptor = descriptor;
    this.#size = size;
    this.damage = damage;
  }

  /** Opens the file, or makes it. `read` gets each record; a line that it throws for is set aside, as a damaged one is, and the others count. */
  static open(file: string, read: (json: string) => void): Journal {
    const made = !existsSync(file);
    const descriptor = openSync(file, "a+", 0o600);
    if (made) syncFolder(dirname(file));
    const bytes = readFileSync(file);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    const { whole, damaged } = readLines(bytes.subarray(0, end), read);
    if (end < bytes.length) {
      keepTorn(file, bytes.subarray(end));
      ftruncateSync(descriptor, end);
    }
    if (damaged.length === 0) return new Journal(file, descriptor, end, undefined);
    const kept = keepDamaged(file, damaged, whole);
    const damage = `${damaged.length} lines of ${file} could not be read. ${kept ?? "They stay where they are."}`;
    const journal = new Journal(file, descriptor, kept === undefined ? end : Buffer.concat(whole).length, damage);
    journal.#reopen();
    return journal;
  }

  /** Reads the records of a file that another process may be writing, and changes nothing. Returns how many lines could not be read; a line that is
   *  just being written is none of them. Throws what the file system says. */
  static read(file: string, read: (json: string) => void): number {
    const bytes = readFileSync(file);
    return readLines(bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1), read).damaged.length;
  }

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  /** Resolves when the record is on the disk; what is appended meanwhile shares the next fsync. Throws DISK_FULL, INTERNAL: then it is not there. */
  append(record: object): Promise<void> {
    const done = deferred<void>();
    this.#waiting.push({ line: lineOf(record), done });
    this.#writing ??= this.#flush();
    return done.promise;
  }

  /** Replaces the whole file by the records that there are when nothing is being written. Throws what the file system says: then the
   *  file is as it was, or as it was to be. */
  async rewrite(records: () => Iterable<object>): Promise<void> {
    // From here on nothing is awaited: what is appended meanwhile would go to the old file.
    while (this.#writing) await this.#writing;
    let size = 0;
    function* parts() {
      for (const lines of inParts(records())) {
        size += lines.length;
        yield lines;
      }
    }
    try {
      writeAtomically(this.#file, parts());
      this.#size = size;
    } finally {
      // Also when it failed: the new file may have the name by then.
      this.#reopen();
    }
  }

  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** There is, or may be, another file under the name. */
  #reopen(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** The file that has the name, also after a crash, as it is. */
  #opened(): number {
    const descriptor = openSync(this.#file, "a+", 0o600);
    try {
      syncFolder(dirname(this.#file));
      const { size } = fstatSync(descriptor);
      const last = Buffer.of(NEWLINE);
      if (size > 0) readSync(descriptor, last, 0, 1, size - 1);
      this.#size = size;
      this.#torn = last[0] !== NEWLINE;
      return descriptor;
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      // What comes in this turn of the event loop goes together.
      await Promise.resolve();
      const group = this.#waiting.splice(0);
      const error = await this.#store(Buffer.from(group.map(({ line }) => line).join("")));
      for (const { done } of group) {
        if (error) done.reject(error);
        else done.resolve();
      }
    }
    // In the same breath as the look at what waits: an append either finds this at work, or begins anew.
    this.#writing = undefined;
  }

  async #store(lines: Buffer): Promise<FrontsyncError | undefined> {
    try {
      this.#descriptor ??= this.#opened();
      const bytes = this.#torn ? Buffer.concat([Buffer.of(NEWLINE), lines]) : lines;
      for (let written = 0; written < bytes.length; )
        written += (await write(this.#descriptor, bytes, written, bytes.length - written)).bytesWritten;
      await sync(this.#descriptor);
      this.#size += bytes.length;
      this.#torn = false;
      return undefined;
    } catch (cause) {
      this.#takeBack();
      return asError(cause);
    }
  }

  /** Half of a record must not stay: the next one would be lost with it. */
  #takeBack(): void {
    if (this.#descriptor === undefined) return;
    try {
      ftruncateSync(this.#descriptor, this.#size);
    } catch (error) {
      log.error({ err: error, file: this.#file }, "a part of a line stays in the file");
      this.#torn = true;
    }
  }
}

function readLines(bytes: Buffer, read: (json: string) => void): { whole: Buffer[]; damaged: Buffer[] } {
  const whole: Buffer[] = [];
  const damaged: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const next = bytes.indexOf(NEWLINE, at) + 1;
    const line = bytes.subarray(at, next);
    (isRead(line.toString("utf8", 0, line.length - 1), read) ? whole : damaged).push(line);
    at = next;
  }
  return { whole, damaged };
}

function isRead(line: string, read: (json: string) => void): boolean {
  const json = line.slice(CHECKSUM + 1);
  if (line !== `${checksum(json)} ${json}`) return false;
  try {
    read(json);
    return true;
  } catch (error) {
    log.error({ err: error }, "a line can't be read");
    return false;
  }
}

function lineOf(record: object): string {
  const json = JSON.stringify(record);
  return `${checksum(json)} ${json}\n`;
}

/** Their lines, some together: all of them may be more than one text can be. */
function* inParts(records: Iterable<object>): Generator<Buffer, void> {
  let lines: string[] = [];
  let length = 0;
  for (const record of records) {
    const line = lineOf(record);
    lines.push(line);
    length += line.length;
    if (length < PART) continue;
    yield Buffer.from(lines.join(""));
    [lines, length] = [[], 0];
  }
  if (length > 0) yield Buffer.from(lines.join(""));
}

function checksum(json: string): string {
  return createHash("sha256").update(json).digest("hex").slice(0, CHECKSUM);
}

/** What is cut off may still be of use to somebody who looks for it. */
function keepTorn(file: string, torn: Uint8Array): void {
  log.warn(
    { file, bytes: torn.length },
    "the file ends with a torn line, which is cut off: what it was for was never acknowledged",
  );
  try {
    writeAtomically(`${file}.torn`, torn);
  } catch (error) {
    log.warn({ err: error, file }, "the torn line could not be kept");
  }
}

/** Takes damaged lines out of the file. Returns where they are now; undefined: they could not be moved. */
function keepDamaged(file: string, damaged: readonly Buffer[], whole: readonly Buffer[]): string | undefined {
  const aside = `${file}${DAMAGED}${clock.now()}`;
  log.error({ file, lines: damaged.length, aside }, "the file has damaged lines");
  try {
    writeAtomically(aside, Buffer.concat(damaged));
    writeAtomically(file, Buffer.concat(whole));
    return `They were kept as ${aside}; the other writes go on.`;
  } catch (error) {
    log.error({ err: error, file }, "the damaged lines could not be set aside");
    return undefined;
  }
}

function asError(cause: unknown): FrontsyncError {
  const what = `The outbox can't be written: ${(cause as Error).message}. Nothing was stored.`;
  return new FrontsyncError(isDiskFull(cause) ? "DISK_FULL" : "INTERNAL", what, { cause });
}

/** What in the lines that were ever set aside of a file matches a pattern: it may be of use to who mends them. */
export function inDamagedLines(file: string, pattern: RegExp): Set<string> {
  const folder = dirname(file);
  const names = readdirSync(folder).filter((name) => name.startsWith(`${basename(file)}${DAMAGED}`));
  return new Set(names.flatMap((name) => readFileSync(join(folder, name), "latin1").match(pattern) ?? []));
}
