/** Contents for the bench. */
import { createHash } from "node:crypto";

export const MB = 1024 * 1024;

/** `size` bytes that depend on the seed, a MB at a time. */
export function* bytes(size: number, seed: number): Generator<Buffer> {
  const block = Buffer.alloc(Math.min(MB, Math.max(32, size)));
  for (let at = 0; at < block.length; at += 32) createHash("sha256").update(`${seed} ${at}`).digest().copy(block, at);
  for (let at = 0, n = 0; at < size; at += MB, n++) {
    const piece = Buffer.from(block.subarray(0, Math.min(MB, size - at)));
    if (piece.length >= 4) piece.writeUInt32LE(n, 0);
    yield piece;
  }
}

/** Reads a stream to its end. Returns its bytes. */
export async function drain(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const piece of stream) size += piece.length;
  return size;
}
