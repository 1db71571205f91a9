/** The lines of a result, piece by piece: bytes that are there do not change, also while more come. */
import { ApiError, part, refusal } from "../api/client.ts";

export interface Line {
  time: string | null;
  source: string;
  text: string;
}

/** Of one piece, bytes. */
const PIECE = 128 * 1024;

/** The whole lines from `start` on, and where the next one begins. Throws ApiError. */
export async function readLines(id: string, start: number, signal: AbortSignal): Promise<{ lines: Line[]; end: number }> {
  for (let size = PIECE; ; size *= 4) {
    const { bytes, last } = await readBytes(id, start, size, signal);
    // A line may be longer than a piece.
    const whole = bytes.lastIndexOf(10) + 1;
    if (whole === 0 && !last) continue;
    const text = new TextDecoder().decode(bytes.subarray(0, whole));
    const lines = text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Line]));
    return { lines, end: start + whole };
  }
}

async function readBytes(
  id: string,
  start: number,
  size: number,
  signal: AbortSignal,
): Promise<{ bytes: Uint8Array; last: boolean }> {
  const response = await fetch(linesOf(id), { headers: { range: `bytes=${start}-${start + size - 1}` }, signal }).catch(
    (error) => {
      if (signal.aborted) throw error;
      throw new ApiError("OFFLINE", "This webserver does not answer. Try again in a moment.", 0);
    },
  );
  // Nothing is there yet, or nothing more.
  if (response.status === 416) return { bytes: new Uint8Array(), last: true };
  if (!response.ok) throw refusal(response.status, await response.text());
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { bytes: response.status === 200 ? bytes.subarray(start) : bytes, last: bytes.length < size };
}

export const linesOf = (id: string): string => `/api/searchctrl/${part(id)}/lines`;
