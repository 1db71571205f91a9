import { FrontsyncError, isErrorCode, type ToldVersion } from "../schemas/errors.ts";
import type { ErrorReply } from "../schemas/types.ts";

/** A refusal as it is thrown here. A newer datastore may know codes that this webserver does not. */
export function asError({ code, message, path, limit, current }: ErrorReply): FrontsyncError {
  if (!isErrorCode(code)) return new FrontsyncError("INTERNAL", `${code}: ${message}`);
  return new FrontsyncError(code, message, { path, limit, current: current as ToldVersion | undefined });
}
