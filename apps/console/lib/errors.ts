/** What went wrong, in words that say what to do. */
import { ApiError } from "../api/client.ts";

export function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  return new ApiError("PAGE_FAULT", `A fault in this page: ${thrown instanceof Error ? thrown.message : String(thrown)}`, 0);
}

/** What another try would say again. */
export const isFinal = ({ code, status }: ApiError): boolean =>
  code === "PAGE_FAULT" || (status >= 400 && status < 500 && status !== 429);

/** For those whose own text speaks of the machinery, or to a program. */
const WORDS: Record<string, string> = {
  DATASTORE_UNREACHABLE:
    "This needs the datastore, which can't be reached right now. Users, groups and passwords can be changed again when it is back.",
  HELD: "This webserver is held: it keeps everything as it is until an administrator has settled which data count. Nothing was changed.",
  OUTCOME_UNKNOWN: "No answer came. It may have been done: look before you repeat it.",
  TIMEOUT: "No answer came in time. It may still take effect; look before you repeat it.",
  NOT_ALLOWED: "You have no right to do this. Ask the owner or an administrator.",
  GLOBAL_NEEDS_ADMIN: "Only an administrator may share something with everyone. Share it with people or groups instead.",
};

export const words = (thrown: unknown): string => {
  const { code, message } = asApiError(thrown);
  return WORDS[code] ?? message;
};
