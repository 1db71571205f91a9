/** Sends a content: what the store has already is not sent again, and what was sent is verified there. */
import { open } from "node:fs/promises";
import { FrontsyncError } from "../../schemas/errors.ts";
import { CHUNK_BYTES, chunkCount } from "../wire/contents.ts";
import type { Asking, Patience } from "./asking.ts";
import { inOrder } from "./window.ts";

/** Messages with chunks under way at once. */
const UNDERWAY = 3;
/** How long the datastore may take to read a content back, ms. */
const VERIFY_MS = 5000;
const VERIFY_BYTES_PER_MS = 16_000;
const MAX_ROUNDS = 20;

export interface Sending {
  sha256: string;
  size: number;
  /** The file that holds it; undefined: there is none here any more. */
  path: string | undefined;
  patience: Patience;
  signal: AbortSignal;
  /** Bytes that the store has. */
  onProgress(stored: number): void;
}

/** Resolves when the store has all of it, verified. Throws TOO_LARGE, DISK_FULL, CONTENT_MISMATCH; when there is no progress for too long, why. */
export async function sendContent(asking: Asking, sending: Sending): Promise<void> {
  const { sha256, size, path, patience, signal, onProgress } = sending;
  for (let round = 0; ; round++) {
    const { complete, chunks } = await asking.ask("content-begin", { sha256, size }, { patience, signal });
    onProgress(complete ? size : Math.min(size, chunks * CHUNK_BYTES));
    if (complete) return;
    try {
      await sendChunks(asking, sending, chunks);
      const tryMs = VERIFY_MS + size / VERIFY_BYTES_PER_MS;
      await asking.ask("content-end", { sha256, size }, { patience, signal, tryMs });
      return;
    } catch (error) {
      // The collector took an unfinished upload away, or somebody else's upload of the same content failed.
      const lost = error instanceof FrontsyncError && error.code === "CONTENT_MISSING";
      if (!lost || round >= MAX_ROUNDS || patience.leftMs <= 0) throw error;
    } finally {
      if (signal.aborted) signal.throwIfAborted();
    }
  }

  async function sendChunks(of: Asking, { onProgress: told }: Sending, first: number): Promise<void> {
    const perMessage = of.chunksAtOnce;
    const count = Math.ceil((chunkCount(size) - first) / perMessage);
    const buffers = Array.from({ length: UNDERWAY }, () => Buffer.allocUnsafe(0));
    if (path === undefined)
      throw new FrontsyncError(
        "CONTENT_MISMATCH",
        `The content ${sha256} was damaged on this webserver's disk before it was sent.`,
      );
    const file = await open(path, "r");
    try {
      const send = async (n: number) => {
        const from = first + n * perMessage;
        const start = from * CHUNK_BYTES;
        const length = Math.min(perMessage * CHUNK_BYTES, size - start);
        // Answered messages have left: their buffer is free for the next one.
        if ((buffers[n % UNDERWAY]?.length ?? 0) < length) buffers[n % UNDERWAY] = Buffer.allocUnsafeSlow(length);
        const bytes = (buffers[n % UNDERWAY] as Buffer).subarray(0, length);
        await readFully(file, bytes, start);
        const { chunks } = await of.ask("content-chunks", { sha256, size, from }, { patience, signal, bytes });
        return { chunks, end: from + chunkCount(length) };
      };
      await inOrder(count, UNDERWAY, send, ({ chunks, end }) => {
        if (chunks < end) throw new FrontsyncError("CONTENT_MISSING", "Chunks that were stored are there no more.");
        patience.progressed();
        told(Math.min(size, end * CHUNK_BYTES));
      });
    } finally {
      await file.close();
    }
  }
}

async function readFully(file: Awaited<ReturnType<typeof open>>, into: Buffer, position: number): Promise<void> {
  for (let at = 0; at < into.length; ) {
    const { bytesRead } = await file.read(into, at, into.length - at, position + at);
    if (bytesRead === 0) throw new FrontsyncError("CONTENT_MISMATCH", "The file became shorter while it was sent.");
    at += bytesRead;
  }
}
