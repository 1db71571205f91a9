/** Reads the log files of a folder, line by line: the indexer that all webservers share. */
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { setImmediate as otherWork } from "node:timers/promises";
import { createGunzip } from "node:zlib";
import { FrontsyncError } from "../../../bus/index.ts";
import { timeOf } from "./line.ts";
import type { Matches } from "./query.ts";

const MAX_FILES = 100_000;
/** What is longer is read as several lines. */
const MAX_LINE = 1024 * 1024;

export interface Asked {
  matches: Matches;
  /** ms since 1970: from, and before. */
  from: number | undefined;
  to: number | undefined;
}

/** A line as results have it: `time` RFC 3339, null where none is known. */
export interface Found {
  time: string | null;
  source: string;
  text: string;
}

export interface LogFile {
  path: string;
  /** Its path in the folder, with `/`. */
  source: string;
  bytes: number;
}

/** The files of the folder and below, by name. Links are not followed: they may lead out of it. Throws BAD_CONFIG. */
export async function logFiles(folder: string): Promise<LogFile[]> {
  let entries: Awaited<ReturnType<typeof list>>;
  try {
    entries = await list(folder);
  } catch (cause) {
    throw new FrontsyncError("BAD_CONFIG", `The folder of logs can't be read: ${(cause as Error).message}`, { cause });
  }
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  if (paths.length > MAX_FILES)
    throw new FrontsyncError("TOO_LARGE", `The folder of logs has more than ${MAX_FILES} files.`, { limit: MAX_FILES });
  const files: LogFile[] = [];
  for (const path of paths.sort()) {
    // One that was rotated away meanwhile is no fault.
    const size = await stat(path).then(
      (found) => found.size,
      () => undefined,
    );
    if (size !== undefined) files.push({ path, source: relative(folder, path).replaceAll("\\", "/"), bytes: size });
  }
  return files;
}

const list = (folder: string) => readdir(folder, { withFileTypes: true, recursive: true });

/** The lines of a file that fit, piece by piece, with the bytes of the file that were read for them. A line without a time has that of the line
 *  before it. */
export async function* scan(
  file: LogFile,
  { matches, from, to }: Asked,
  signal: AbortSignal,
): AsyncGenerator<{ found: Found[]; bytes: number }, void> {
  const stored = createReadStream(file.path, { signal });
  const content = file.source.endsWith(".gz") ? stored.pipe(createGunzip()) : stored;
  stored.on("error", (error) => content.destroy(error));
  let time: number | undefined;
  let read = 0;
  const fits = (text: string): Found[] => {
    time = timeOf(text) ?? time;
    const inRange = (from === undefined && to === undefined) || (time !== undefined && isIn(time, from, to));
    if (!inRange || !matches(text)) return [];
    return [{ time: time === undefined ? null : new Date(time).toISOString(), source: file.source, text }];
  };
  const lines = new Lines();
  try {
    for await (const chunk of content) {
      const found = lines.of(chunk as Buffer).flatMap(fits);
      yield { found, bytes: stored.bytesRead - read };
      read = stored.bytesRead;
      // Requests come first.
      await otherWork();
    }
    yield { found: lines.rest().flatMap(fits), bytes: stored.bytesRead - read };
  } catch (error) {
    // It was rotated away since it was listed: the search goes on without it, as if it had not been there.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  } finally {
    stored.destroy();
  }
}

const isIn = (time: number, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY) => time >= from && time < to;

/** Lines of what comes in pieces; empty ones are left out. */
class Lines {
  readonly #decoder = new StringDecoder("utf8");
  #begun = "";

  of(chunk: Buffer): string[] {
    const lines = (this.#begun + this.#decoder.write(chunk)).split("\n");
    this.#begun = lines.pop() ?? "";
    if (this.#begun.length > MAX_LINE) {
      lines.push(this.#begun);
      this.#begun = "";
    }
    return lines.map(withoutReturn).filter((line) => line !== "");
  }

  rest(): string[] {
    return [withoutReturn(this.#begun + this.#decoder.end())].filter((line) => line !== "");
  }
}

const withoutReturn = (line: string) => (line.endsWith("\r") ? line.slice(0, -1) : line);
