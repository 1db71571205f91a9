/** Why a command's file could not be written. */
import { isDiskFull } from "../../bus/platform/files.ts";
import { FrontsyncError } from "../../schemas/errors.ts";

const OF_THE_PATH = ["ENOENT", "EACCES", "EPERM", "EISDIR", "ENOTDIR", "EROFS", "ENAMETOOLONG"];

/** What the system says of `file` as DISK_FULL or BAD_CONFIG; what is another fault as it is. */
export function unwritable(file: string, error: unknown): unknown {
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (isDiskFull(error)) return new FrontsyncError("DISK_FULL", `${file} can't be written: ${message}.`, { cause: error });
  if (!OF_THE_PATH.includes(code)) return error;
  const what = `${file} can't be written: ${message}. Name a file in a folder that you may write to.`;
  return new FrontsyncError("BAD_CONFIG", what, { cause: error });
}
