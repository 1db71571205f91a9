/** A command's replica is read anew each time; with much data that takes a while, and who waits sees how far it is. */
import type { Bus } from "../../bus/api.ts";
import { clock } from "../../bus/platform/clock.ts";
import { startProgress } from "./progress.ts";

const CATCH_UP_MS = 1_800_000;
const LOOK_MS = 100;

/** Resolves when the bus holds everything that the datastore had. Throws TIMEOUT, and the signal's reason. */
export async function catchUp(bus: Bus, signal: AbortSignal, timeoutMs = CATCH_UP_MS): Promise<void> {
  const progress = startProgress("change", process.stderr, clock.monotonic);
  // Revisions begin anywhere: the first one that is read is where the bar begins.
  let first: number | undefined;
  const timer = setInterval(() => {
    const { reading, head } = bus.status();
    if (reading === undefined || head === null) return;
    first ??= reading;
    progress.update(reading - first, Math.max(reading, head) - first);
  }, LOOK_MS);
  try {
    await bus.caughtUp(null, { timeoutMs, signal });
  } finally {
    clearInterval(timer);
    progress.end();
  }
}
