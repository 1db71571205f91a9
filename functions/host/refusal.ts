/** What a caller is told when a function throws. */
import { log } from "../../bus/platform/log.ts";
import { asFrontsyncError, FrontsyncError } from "../../schemas/errors.ts";
import type { ErrorReply } from "../../schemas/types.ts";

export function errorReply(thrown: unknown, subject: string): ErrorReply {
  const deep = thrown instanceof RangeError && /call stack/i.test(thrown.message);
  const error = deep
    ? new FrontsyncError("BAD_MESSAGE", "The message is nested too deeply.", { path: "" })
    : asFrontsyncError(thrown);
  if (error.code === "INTERNAL") log.error({ err: error, subject: subject.slice(0, 200) }, "a function failed");
  const { code, message, path, limit, current } = error;
  return {
    code,
    message,
    ...(path !== undefined && { path }),
    ...(limit !== undefined && { limit }),
    ...(current !== undefined && { current: current as Record<string, unknown> }),
  };
}
