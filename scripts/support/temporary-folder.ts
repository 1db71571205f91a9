/** Folders that last as long as one command. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs `work` in a new temporary folder and removes it, whatever the outcome. */
export async function inTemporaryFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), "frontsync-"));
  try {
    return await work(dir);
  } finally {
    // A file that is written while its folder is removed is tried again.
    await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}
