/** Reads a backup: first the whole of it, to be sure that it is one, then record by record. */
import { createHash, type Hash } from "node:crypto";
import type { Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { decrypted, type EncryptedHeader } from "./encryption.ts";
import {
  type BackupHeader,
  type BackupPiece,
  type BackupRecord,
  type BackupSeal,
  checkFormat,
  checkHeader,
  checkPiece,
  checkRecord,
  damaged,
  MAX_LINE_BYTES,
  parseLine,
} from "./format.ts";

const CHUNK_BYTES = 1024 * 1024;
const FIRST_LINE_BYTES = 4096;

export interface Backup {
  header: BackupHeader;
  /** Of the seal: the same backup has the same one, encrypted or not. */
  sha256: string;
  count: number;
  contents: number;
  pieces(): AsyncGenerator<BackupPiece, void>;
  records(): AsyncGenerator<BackupRecord, void>;
  close(): Promise<void>;
}

/** Opens a backup and verifies it: its seal, its number of records, its hash. `askPassword`: called for an encrypted one. `onProgress`: bytes that are
 *  verified, of about so many. Throws BACKUP_DAMAGED, NOT_FOUND, BAD_CONFIG. */
export async function openBackup(
  file: string,
  askPassword: () => Promise<string>,
  signal: AbortSignal,
  onProgress: (bytes: number, total: number) => void = () => {},
): Promise<Backup> {
  let handle: FileHandle;
  try {
    // Looked at first: a pipe that nobody writes to would not even open.
    mustBeFile(file, await stat(file));
    handle = await open(file, "r");
  } catch (cause) {
    if (cause instanceof FrontsyncError) throw cause;
    throw new FrontsyncError("NOT_FOUND", `The backup can't be read: ${(cause as Error).message}`, { cause });
  }
  try {
    const lines = await readerOf(file, handle, askPassword);
    const { size } = await handle.stat();
    const verified = await verify(file, lines, signal, (bytes) => onProgress(bytes, size));
    const [pieces, records] = [() => piecesIn(file, lines), () => recordsIn(file, lines)];
    return { ...verified, pieces, records, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A backup is read twice, first to verify it. Throws BAD_CONFIG. */
function mustBeFile(file: string, stats: Stats): void {
  if (stats.isFile()) return;
  const todo = stats.isDirectory()
    ? "is a folder. A webserver's folder is restored with --from-replica."
    : "is no file, and can't be read twice. Write the backup to a file first.";
  throw new FrontsyncError("BAD_CONFIG", `${file} ${todo}`);
}

type Lines = () => AsyncGenerator<Buffer, void>;

/** Reads the file's lines, in clear, from the beginning at each call. */
async function readerOf(file: string, handle: FileHandle, askPassword: () => Promise<string>): Promise<Lines> {
  const start = Buffer.alloc(FIRST_LINE_BYTES);
  const { bytesRead } = await handle.read(start, 0, FIRST_LINE_BYTES, 0);
  const end = start.subarray(0, bytesRead).indexOf("\n") + 1;
  const first = end > 0 ? parseLine(file, start.subarray(0, end), 1) : {};
  if (first.frontsync !== "encrypted backup") return () => linesIn(file, chunksIn(handle, 0));
  checkFormat(file, first);
  const password = await askPassword();
  return () => linesIn(file, decrypted(file, first as unknown as EncryptedHeader, chunksIn(handle, end), password));
}

async function verify(
  file: string,
  lines: Lines,
  signal: AbortSignal,
  onProgress: (bytes: number) => void,
): Promise<Pick<Backup, "header" | "sha256" | "count" | "contents">> {
  const hash = createHash("sha256");
  const contents = new ContentCheck(file);
  let header: BackupHeader | undefined;
  let seal: Partial<BackupSeal["seal"]> | undefined;
  let [number, count, bytes] = [0, 0, 0];
  for await (const line of lines()) {
    signal.throwIfAborted();
    number++;
    bytes += line.length + 1;
    onProgress(bytes);
    if (seal) throw damaged(file, "something follows its seal");
    const value = parseLine(file, line, number);
    if (!header) header = checkHeader(file, value);
    else if ("seal" in value) seal = value.seal as Partial<BackupSeal["seal"]>;
    else if ("content" in value) contents.add(checkPiece(file, value, number));
    else count += checkRecord(file, value, number) ? 1 : 0;
    if (!seal) hash.update(line).update("\n");
  }
  if (!header) throw damaged(file, "it is empty");
  if (!seal) throw damaged(file, "its end is missing");
  contents.end();
  if (seal.records !== count) throw damaged(file, `it has ${count} records, and its seal says ${seal.records}`);
  if ((seal.contents ?? 0) !== contents.count)
    throw damaged(file, `it has ${contents.count} contents, and its seal says ${seal.contents}`);
  const sha256 = hash.digest("hex");
  if (seal.sha256 !== sha256) throw damaged(file, "its bytes are not those that were sealed");
  return { header, sha256, count, contents: contents.count };
}

/** Whether the pieces of the contents make up what their hashes say. */
class ContentCheck {
  readonly #file: string;
  #open: { content: string; size: number; at: number; hash: Hash } | undefined;
  count = 0;

  constructor(file: string) {
    this.#file = file;
  }

  add({ content, size, at, base64 }: BackupPiece): void {
    if (at === 0) {
      this.end();
      this.#open = { content, size, at, hash: createHash("sha256") };
      this.count++;
    }
    const open = this.#open;
    if (!open || open.content !== content || open.at !== at || open.size !== size)
      throw damaged(this.#file, `a piece of the content ${content} is missing`);
    const bytes = Buffer.from(base64, "base64");
    open.hash.update(bytes);
    open.at += bytes.length;
  }

  end(): void {
    const open = this.#open;
    if (open && (open.at !== open.size || open.hash.digest("hex") !== open.content))
      throw damaged(this.#file, `the content ${open.content} is not what its name says`);
    this.#open = undefined;
  }
}

async function* piecesIn(file: string, lines: Lines): AsyncGenerator<BackupPiece, void> {
  let number = 0;
  for await (const line of lines()) {
    if (number++ === 0) continue;
    const value = parseLine(file, line, number);
    if (!("content" in value)) return;
    yield checkPiece(file, value, number);
  }
}

async function* recordsIn(file: string, lines: Lines): AsyncGenerator<BackupRecord, void> {
  let number = 0;
  for await (const line of lines()) {
    if (number++ === 0) continue;
    const value = parseLine(file, line, number);
    if ("seal" in value) return;
    if ("content" in value) continue;
    yield checkRecord(file, value, number);
  }
}

async function* chunksIn(handle: FileHandle, from: number): AsyncGenerator<Buffer, void> {
  for (let at = from; ; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The lines of a text, without their ends. Throws BACKUP_DAMAGED for one without an end. */
async function* linesIn(file: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let pieces: Buffer[] = [];
  let waiting = 0;
  for await (const chunk of chunks) {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield Buffer.concat([...pieces, rest.subarray(0, end)]);
      [pieces, waiting, rest] = [[], 0, rest.subarray(end + 1)];
    }
    pieces.push(rest);
    waiting += rest.length;
    if (waiting > MAX_LINE_BYTES) throw damaged(file, "a line of it is too long");
  }
  if (waiting > 0) throw damaged(file, "its last line is cut off");
}
