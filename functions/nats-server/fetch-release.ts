import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { withSignal } from "../../bus/platform/deadline.ts";
import { sha256 } from "./cache.ts";
import type { FetchRequest } from "./fetch.ts";
import { run } from "./run.ts";
import { PINNED_VERSION } from "./version.ts";

const RELEASES = "https://github.com/nats-io/nats-server/releases/download";
const TIMEOUT_MS = 180_000;
const FIRST_ANSWER_MS = 20_000;
const UNPACK_TIMEOUT_MS = 60_000;
const ARCHIVE_BYTES = 64 * 1024 * 1024;
const SUMS_BYTES = 64 * 1024;

/** The binary from the project's own release archive (about 7 MB), checked against the release's SHA256SUMS, unpacked with tar.
 *  Throws an Error when the server can't be reached, says no, takes more than 3 minutes or 20 s for its first answer, sends more
 *  than 64 MB, or sends what the sums don't know. */
export async function fetchRelease({ work, env, signal, timeoutMs, releaseUrl }: FetchRequest): Promise<string> {
  const name = `nats-server-v${PINNED_VERSION}-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
  const file = `${name}.tar.gz`;
  const base = `${releaseUrl ?? RELEASES}/v${PINNED_VERSION}`;
  const expected = await withSignal(timeoutMs ?? TIMEOUT_MS, signal, async (ending) => {
    await download(`${base}/SHA256SUMS`, join(work, "SHA256SUMS"), SUMS_BYTES, ending);
    const sum = checksumOf(file, await readFile(join(work, "SHA256SUMS"), "utf8"));
    if (sum === undefined) throw new Error(`SHA256SUMS of the release does not name ${file}`);
    await download(`${base}/${file}`, join(work, file), ARCHIVE_BYTES, ending);
    return sum;
  });
  const found = await sha256(join(work, file));
  if (found !== expected) throw new Error(`${file} has sha-256 ${found}, SHA256SUMS says ${expected}: refused`);

  await run("tar", ["-xzf", join(work, file), "-C", work, `${name}/nats-server`], { env, timeoutMs: UNPACK_TIMEOUT_MS, signal });
  return join(work, name, "nats-server");
}

/** The hex sum of a file in the text of a SHA256SUMS file ("<sum>  <name>", a star before the name in binary mode). */
function checksumOf(file: string, sums: string): string | undefined {
  for (const line of sums.split("\n")) {
    const [, sum, name] = /^([0-9a-f]{64})\s+\*?(\S+)\s*$/i.exec(line) ?? [];
    if (name === file) return sum?.toLowerCase();
  }
  return undefined;
}

async function download(url: string, path: string, limitBytes: number, signal: AbortSignal): Promise<void> {
  const first = new AbortController();
  const timer = setTimeout(() => first.abort(new Error(`no answer after ${FIRST_ANSWER_MS / 1000} s`)), FIRST_ANSWER_MS);
  const both = AbortSignal.any([signal, first.signal]);
  try {
    const response = await fetch(url, { signal: both });
    clearTimeout(timer);
    if (!response.ok || response.body === null) throw new Error(`the server answers ${response.status}`);
    let bytes = 0;
    const limit = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        if (bytes > limitBytes) done(new Error(`more than ${limitBytes} bytes`));
        else done(null, chunk);
      },
    });
    // Node's fetch and its streams name the same type twice.
    await pipeline(Readable.fromWeb(response.body as ReadableStream), limit, createWriteStream(path), { signal: both });
  } catch (error) {
    throw new Error(`${url}: ${both.aborted ? describe(both.reason) : describe(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "no end within its deadline";
  // fetch says only "fetch failed"; why is in its cause.
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}
