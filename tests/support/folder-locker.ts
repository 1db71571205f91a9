// A process that takes folders, as its parent says over IPC, and holds each until it is told of the next one: for tests of who gets them.
import { FrontsyncError } from "../../bus/index.ts";
import { lockDir } from "../../bus/platform/dir-lock.ts";

export type Taken = { taken: boolean } | { failed: string };

let release = () => {};

process.on("message", (dir: string) => {
  release();
  release = () => {};
  process.send?.(take(dir));
});
process.on("disconnect", () => process.exit(0));

function take(dir: string): Taken {
  try {
    release = lockDir(dir).release;
    return { taken: true };
  } catch (error) {
    return error instanceof FrontsyncError && error.code === "DIR_IN_USE" ? { taken: false } : { failed: String(error) };
  }
}
