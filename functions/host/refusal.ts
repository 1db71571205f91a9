/** What a caller is told when a function throws. */
import { log } from "../../bus/platform/log.ts";
import { asFrontsyncError, type ErrorCode, FrontsyncError } from "../../schemas/errors.ts";
import type { ErrorReply } from "../../schemas/types.ts";
import type { DatastoreFunction } from "./define.ts";

/** What of a function says how it may refuse. */
type Refusing = Pick<DatastoreFunction, "name" | "scope" | "errors">;

/** Of any function: the host's own refusals, and what may happen on the way to the store. */
const COMMON: readonly ErrorCode[] = [
  "BAD_MESSAGE",
  "TOO_LARGE",
  "NOT_ALLOWED",
  "DATASTORE_UNREACHABLE",
  "TIMEOUT",
  "DISK_FULL",
  "SEEDING",
  "INTERNAL",
];

/** Every code that a function may answer. */
export function errorsOf({ scope, errors }: Refusing): ErrorCode[] {
  return [...new Set([...COMMON, ...(scope === "collection" ? (["UNKNOWN_COLLECTION"] as const) : []), ...errors])];
}

/** The answer to what `by` threw. A code that it does not declare is a fault in it, which callers are not made to suffer for. */
export function errorReply(thrown: unknown, subject: string, by: Refusing): ErrorReply {
  const deep = thrown instanceof RangeError && /call stack/i.test(thrown.message);
  const error = deep
    ? new FrontsyncError("BAD_MESSAGE", "The message is nested too deeply.", { path: "" })
    : asFrontsyncError(thrown);
  if (error.code === "INTERNAL") log.error({ err: error, subject: subject.slice(0, 200) }, "a function failed");
  const { code, message, path, limit, current } = error;
  if (!errorsOf(by).includes(code))
    log.error({ code, function: by.name }, "a function refused with a code that it does not declare");
  return {
    code,
    message,
    ...(path !== undefined && { path }),
    ...(limit !== undefined && { limit }),
    ...(current !== undefined && { current: { ...current } }),
  };
}
