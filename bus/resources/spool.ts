/** Reads what is uploaded into a file: its hash, which is its name in the store, is known only at its end. */
import { asFrontsyncError, FrontsyncError } from "../../schemas/errors.ts";
import { DEFAULT_TIMEOUT_MS, within } from "../platform/deadline.ts";
import type { ContentFile } from "./content-file.ts";

/** Of one write, so that a source that gives all at once does not stop everything else. */
const WRITE_BYTES = 1024 * 1024;

export interface SpoolOptions {
  /** The largest content; undefined: not known, the datastore will say. */
  maxBytes: number | undefined;
  /** Throws when there is no room for so many bytes more; called before they are written. */
  take?: (bytes: number) => void;
  /** How long the source may take for its next bytes, ms. */
  timeoutMs?: number | undefined;
  signal: AbortSignal;
}

/** Returns the hash. Throws TOO_LARGE as soon as there is more than may be; BAD_MESSAGE for what is not bytes, or a source that fails; TIMEOUT
 *  when the source stands still; DISK_FULL. */
export async function spool(content: AsyncIterable<Uint8Array>, file: ContentFile, options: SpoolOptions): Promise<string> {
  const { maxBytes = Number.MAX_SAFE_INTEGER, take, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  const source = (content as Partial<AsyncIterable<Uint8Array>> | undefined)?.[Symbol.asyncIterator]?.();
  if (!source) throw new FrontsyncError("BAD_MESSAGE", "The content must be a stream of bytes.", { path: "/content" });
  try {
    for (;;) {
      const next = await within(read(source), "Reading the content", { timeoutMs, signal });
      if (next.done) return file.digest();
      const bytes: unknown = next.value;
      if (!(bytes instanceof Uint8Array))
        throw new FrontsyncError("BAD_MESSAGE", `The content must be a stream of bytes; there was a ${typeof bytes} in it.`, {
          path: "/content",
        });
      if (file.bytes + bytes.length > maxBytes) throw tooLarge(maxBytes);
      take?.(bytes.length);
      for (let at = 0; at < bytes.length; at += WRITE_BYTES) await file.write(bytes.subarray(at, at + WRITE_BYTES));
    }
  } catch (error) {
    // Not awaited: a source that hangs would hang here, too.
    void Promise.resolve(source.return?.()).catch(() => {});
    if (signal.aborted) throw error;
    throw asFrontsyncError(error);
  }
}

async function read(source: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
  try {
    return await source.next();
  } catch (cause) {
    // Whoever gives the content may have a limit of their own.
    if (cause instanceof FrontsyncError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FrontsyncError("BAD_MESSAGE", `The content could not be read to its end: ${why}. Nothing was stored.`, {
      path: "/content",
      cause,
    });
  }
}

function tooLarge(limit: number): FrontsyncError {
  return new FrontsyncError("TOO_LARGE", `A resource may have ${limit} bytes; this one has more. Nothing of it was sent.`, {
    limit,
  });
}
