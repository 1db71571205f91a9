/** Why one file could not be imported. */
import { type ErrorCode, FrontsyncError } from "../../../schemas/errors.ts";

export interface FileFault {
  /** The file, under the folder that is imported. */
  path: string;
  code: ErrorCode;
  message: string;
  /** TOO_LARGE: the limit, in bytes. */
  limit?: number;
}

const SYSTEM_FAULTS: Readonly<Record<string, { code: ErrorCode; message: string }>> = {
  ENOENT: { code: "NOT_FOUND", message: "There is no such file or folder." },
  EACCES: { code: "NOT_ALLOWED", message: "There is no right to read it." },
  EPERM: { code: "NOT_ALLOWED", message: "There is no right to read it." },
  ELOOP: { code: "BAD_CONFIG", message: "It is a link in a circle of links." },
  ENOTDIR: { code: "BAD_CONFIG", message: "It is not a folder." },
  ENAMETOOLONG: { code: "BAD_CONFIG", message: "Its path is too long." },
};

/** A thrown value as the fault of one file. */
export function faultOf(path: string, error: unknown): FileFault {
  if (error instanceof FrontsyncError) {
    const { code, message, limit } = error;
    return { path, code, message, ...(limit === undefined ? {} : { limit }) };
  }
  const known = SYSTEM_FAULTS[(error as NodeJS.ErrnoException)?.code ?? ""];
  return { path, ...(known ?? { code: "INTERNAL", message: error instanceof Error ? error.message : String(error) }) };
}
