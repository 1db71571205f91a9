/** Gives up the restore that is under way, or was interrupted. */
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { Context } from "../cli.ts";
import type { Target } from "../config/target.ts";
import { formatCount } from "../numbers.ts";
import { connectObserver } from "../observer.ts";
import { inTemporaryFolder } from "../temporary-folder.ts";
import { ask } from "./asking.ts";

/** Throws NOT_FOUND when there is no restore, and what connectObserver throws. */
export async function runAbort(target: Target, { output, stop }: Context): Promise<void> {
  await inTemporaryFolder(async (dir) => {
    const { bus } = await connectObserver("restore", { target, dir, signal: stop.signal });
    try {
      const { id, source, done = 0, records = 0 } = await ask(bus, "backups.abort", {}, stop.signal);
      if (id === undefined) throw new FrontsyncError("NOT_FOUND", "No restore is under way. There is nothing to give up.");
      output.line(
        `The restore from ${source} is given up at ${formatCount(done)} of ${formatCount(records)} records. What it has written stays.`,
      );
      output.figures({ ok: true, id, source, done, records });
    } finally {
      await bus.close();
    }
  });
}
