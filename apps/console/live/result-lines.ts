/** The lines of a result, piece by piece: bytes that are there do not change, also while more come. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, part, refusal } from "../api/client.ts";
import { asApiError } from "../lib/errors.ts";

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

export interface Lines {
  lines: readonly Line[];
  /** The search is over, and what it has found was read as far as was wanted. */
  ended: boolean;
  error: ApiError | undefined;
  again(): void;
}

/** The first `most` lines. More are read when more has been `found`, when more are wanted, and when the search has ended; never two at once, and what
 *  is being read is read to its end: on a slow line more is found before. */
export function useLines(id: string, running: boolean, found: number, most: number): Lines {
  const [lines, setLines] = useState<readonly Line[]>([]);
  const [ended, setEnded] = useState(false);
  const [error, setError] = useState<ApiError>();
  const latest = useRef({ running, most });
  latest.current = { running, most };
  const wish = useRef<() => void>(() => {});
  useEffect(() => {
    const gone = new AbortController();
    let [reading, wanted, next, have] = [false, false, 0, 0];
    const read = async () => {
      const over = !latest.current.running;
      while (have < latest.current.most) {
        const piece = await readLines(id, next, gone.signal);
        if (gone.signal.aborted) return;
        next = piece.end;
        have += piece.lines.length;
        setLines((before) => [...before, ...piece.lines]);
        if (piece.lines.length === 0) break;
      }
      setEnded(over);
      setError(undefined);
    };
    wish.current = async () => {
      wanted = true;
      if (reading) return;
      reading = true;
      try {
        while (wanted && !gone.signal.aborted) {
          wanted = false;
          await read();
        }
      } catch (thrown) {
        if (!gone.signal.aborted) setError(asApiError(thrown));
      } finally {
        reading = false;
      }
    };
    return () => gone.abort();
  }, [id]);
  useEffect(() => wish.current(), [id, running, found, most]);
  return { lines, ended, error, again: () => wish.current() };
}
