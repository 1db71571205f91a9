/** Fetches one content into the local store: goes on behind what an earlier try has left, and verifies the whole before it gets its name. */
import { asFrontsyncError, FrontsyncError } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { KnownChunk } from "../../schemas/types.ts";
import { CHUNK_BYTES, chunkCount } from "../wire/contents.ts";
import { decodeFrame } from "../wire/frame.ts";
import type { Asking, Patience } from "./asking.ts";
import type { LocalStore } from "./local-store.ts";
import { inOrder } from "./window.ts";

/** Messages with chunks under way at once. */
const UNDERWAY = 3;

export interface Receiving {
  /** The document, and the user who reads it; 0: the system. */
  id: string;
  by: number;
  sha256: string;
  size: number;
  patience: Patience;
  signal: AbortSignal;
  /** Bytes that are here. */
  onProgress(here: number): void;
}

/** Throws NOT_FOUND, NOT_ALLOWED, CONTENT_MISSING, DISK_FULL; when there is no progress for too long, why. */
export async function receiveContent(asking: Asking, schemas: Schemas, store: LocalStore, receiving: Receiving): Promise<void> {
  const { id, by, sha256, patience, signal } = receiving;
  for (let round = 0; !(await receiveOnce(asking, schemas, store, receiving)); round++) {
    const { good } = await asking.ask("content-check", { id, by, sha256 }, { patience, signal, tryMs: 30_000 });
    if (good && round === 0) continue; // it was damaged here or on its way: from the beginning, then
    throw new FrontsyncError(
      "CONTENT_MISSING",
      "The datastore's copy of the content is damaged; webservers that have it are asked for it.",
    );
  }
}

/** False: what came is not what its hash says. */
async function receiveOnce(asking: Asking, schemas: Schemas, store: LocalStore, receiving: Receiving): Promise<boolean> {
  const { id, by, sha256, size, patience, signal, onProgress } = receiving;
  const file = await store.partial(sha256, size);
  try {
    const first = Math.ceil(file.bytes / CHUNK_BYTES);
    const perMessage = asking.chunksAtOnce;
    let known: KnownChunk | undefined;
    const read = async (from: number, limit: number) => {
      const request = { id, by, sha256, from, limit, ...(known && { known }) };
      const { head, bytes } = decodeFrame(await asking.bytes("content-read", request, { patience, signal }));
      const reply = schemas.read("content-read.reply", head);
      const length = Math.min(limit * CHUNK_BYTES, size - from * CHUNK_BYTES);
      if (reply.size !== size || reply.from !== from || bytes.length !== length)
        throw new FrontsyncError("CONTENT_MISSING", "The datastore gave other bytes than the content has.");
      if (reply.sequence > 0) known = { chunk: from + reply.chunks - 1, sequence: reply.sequence };
      return bytes;
    };
    onProgress(file.bytes);
    const chunks = file.bytes === size ? 0 : chunkCount(size) - first;
    const start = (n: number) => read(first + n * perMessage, Math.min(perMessage, chunks - n * perMessage));
    await inOrder(Math.ceil(chunks / perMessage), UNDERWAY, start, async (bytes) => {
      await file.write(bytes);
      patience.progressed();
      onProgress(file.bytes);
    });
    if (file.digest() === sha256) {
      await store.adopt(sha256, file);
      return true;
    }
  } catch (error) {
    // A part stays, to go on behind it; unless it keeps a full disk full.
    if (asFrontsyncError(error).code === "DISK_FULL") await file.discard();
    else await file.close();
    throw error;
  }
  await file.discard();
  return false;
}
