/** Contents for tests: bytes that can be made again, in pieces, and read to their end. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";

const PIECE_BYTES = 64 * 1024;

/** `size` bytes that depend on the seed, in pieces that are all different; never all of them in memory. */
export function* pieces(size: number, seed = 1): Generator<Buffer> {
  const block = Buffer.alloc(Math.min(PIECE_BYTES, size));
  let state = seed >>> 0 || 1;
  for (let at = 0; at + 4 <= block.length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    block.writeInt32LE(state | 0, at);
  }
  for (let at = 0; at < size; at += PIECE_BYTES) {
    const piece = Buffer.from(block.subarray(0, Math.min(PIECE_BYTES, size - at)));
    if (at > 0 && piece.length >= 4) piece.writeInt32LE(at / PIECE_BYTES, 0);
    yield piece;
  }
}

export function content(size: number, seed = 1): Readable {
  return Readable.from(pieces(size, seed));
}

export function sha256Of(size: number, seed = 1): string {
  const hash = createHash("sha256");
  for (const piece of pieces(size, seed)) hash.update(piece);
  return hash.digest("hex");
}

/** The hash and length of all that a stream gives. */
export async function digest(stream: AsyncIterable<Uint8Array>): Promise<{ sha256: string; size: number }> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const bytes of stream) {
    hash.update(bytes);
    size += bytes.length;
  }
  return { sha256: hash.digest("hex"), size };
}
