import { FrontsyncError } from "../../../schemas/errors.ts";

/** Where something was written: a line of a file, an environment variable. */
export function at(place: string, what: string, cause?: unknown): FrontsyncError {
  return new FrontsyncError("BAD_CONFIG", `${place}: ${what}`, { cause });
}
