/** Folders that last as long as one command. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDiskFull } from "../../bus/platform/files.ts";
import { FrontsyncError } from "../../schemas/errors.ts";

/** Runs `work` in a new temporary folder and removes it, whatever the outcome. Throws what it throws; DISK_FULL when there is no room, BAD_CONFIG where no
 *  folder can be made. */
export async function inTemporaryFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), "frontsync-")).catch((cause: Error) => {
    throw isDiskFull(cause) ? asNoRoom(cause) : unusable(cause);
  });
  try {
    return await work(dir);
  } catch (error) {
    throw asNoRoom(error);
  } finally {
    // A file that is written while its folder is removed is tried again.
    await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

/** DISK_FULL for what the system says of a full disk; else the error itself. */
export function asNoRoom(error: unknown): unknown {
  if (!isDiskFull(error)) return error;
  const what = `There is no room for temporary files in ${tmpdir()}: ${(error as Error).message}.`;
  return new FrontsyncError("DISK_FULL", `${what} Free space, or name another folder by TMPDIR.`, { cause: error });
}

function unusable(cause: Error): FrontsyncError {
  const what = `No folder for temporary files can be made in ${tmpdir()}: ${cause.message}.`;
  return new FrontsyncError("BAD_CONFIG", `${what} Make it for this user, or name another one by TMPDIR.`, { cause });
}
