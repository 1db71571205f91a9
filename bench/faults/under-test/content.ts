/** Contents that follow from a mark: whoever knows it knows every byte. */
import { createHash } from "node:crypto";

const PIECE = 64 * 1024;

export function* contentOf(mark: string, bytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes; at += PIECE) {
    const seed = createHash("sha256").update(`${mark} ${at}`).digest();
    yield Buffer.alloc(Math.min(PIECE, bytes - at), seed);
  }
}

export function hashOf(mark: string, bytes: number): string {
  const hash = createHash("sha256");
  for (const piece of contentOf(mark, bytes)) hash.update(piece);
  return hash.digest("hex");
}
