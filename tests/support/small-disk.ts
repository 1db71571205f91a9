/** Disks that are soon full. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** A folder on a disk of so many kB; undefined where nothing may be mounted. */
export function smallDisk(t: TestContext, kb = 64): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), "frontsync-test-"));
  t.after(() => {
    spawnSync("umount", ["-l", dir]);
    rmSync(dir, { recursive: true, force: true });
  });
  return spawnSync("mount", ["-t", "tmpfs", "-o", `size=${kb}k`, "tmpfs", dir]).status === 0 ? dir : undefined;
}
