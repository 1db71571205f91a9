/** The file of a multipart request, as it comes in. */
import type { MultipartFile } from "@fastify/multipart";
import type { FastifyRequest } from "fastify";
import { clock, FrontsyncError } from "../../../bus/index.ts";

const FIELD = "file";
/** Slower than this on the average, after the first moments, is nobody who wants to upload something. */
const SLOWEST_BYTES_PER_MS = 1;
const GRACE_MS = 60_000;

/** The bytes of the field `file`. Throws BAD_MESSAGE for another body, and TOO_LARGE while it is read. */
export async function fileOf(request: FastifyRequest, maxBytes: number): Promise<AsyncIterable<Uint8Array>> {
  const form = request.isMultipart() ? await request.file({ limits: { fileSize: maxBytes } }).catch(asBadForm) : undefined;
  if (form?.fieldname !== FIELD)
    throw new FrontsyncError("BAD_MESSAGE", `Send multipart/form-data with one part, the field '${FIELD}'.`, {
      path: `/${FIELD}`,
    });
  return bytesOf(form.file, maxBytes);
}

async function* bytesOf(file: MultipartFile["file"], maxBytes: number): AsyncGenerator<Uint8Array, void> {
  const startedAt = clock.monotonic();
  let bytes = 0;
  for await (const chunk of file as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (clock.monotonic() - startedAt > GRACE_MS + bytes / SLOWEST_BYTES_PER_MS)
      throw new FrontsyncError("BAD_MESSAGE", "The content comes slower than 1 KB/s.");
    yield chunk;
  }
  if (file.truncated)
    throw new FrontsyncError("TOO_LARGE", `The content has more than ${maxBytes} bytes; nothing was stored.`, {
      limit: maxBytes,
    });
}

/** The parser says of its errors no more than a text. */
function asBadForm(cause: unknown): never {
  if ((cause as { statusCode?: unknown }).statusCode !== undefined) throw cause;
  throw new FrontsyncError("BAD_MESSAGE", `The form can't be read: ${(cause as Error).message}.`, { path: `/${FIELD}`, cause });
}
