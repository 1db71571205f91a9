import type { IncomingHttpHeaders } from "node:http";
import { FrontsyncError } from "../../../bus/index.ts";

export interface ByteRange {
  /** Both of them inside the content, inclusive. */
  start: number;
  end: number;
}

const ONE = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/;

/** The part that a request asks for; undefined: all of it, also for several parts, which need not be honoured, and when If-Range names another
 *  version. Throws RANGE_NOT_SATISFIABLE. */
export function rangeOf({ range, "if-range": version }: IncomingHttpHeaders, size: number, etag: string): ByteRange | undefined {
  if (range === undefined || (version !== undefined && version !== etag)) return undefined;
  const [, from, to, last] = ONE.exec(range) ?? [];
  if (from === undefined && last === undefined) return undefined;
  const start = last === undefined ? Number(from) : Math.max(0, size - Number(last));
  const end = to === undefined || to === "" ? size - 1 : Math.min(size - 1, Number(to));
  if (to !== undefined && to !== "" && Number(to) < start) return undefined;
  if (start < size && last !== "0") return { start, end };
  throw new FrontsyncError("RANGE_NOT_SATISFIABLE", `The content has ${size} bytes; the range begins after them.`);
}
