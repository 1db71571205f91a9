import { type Bus, clock } from "../../../bus/index.ts";

const WAIT_MS = 1000;
const PAUSE_MS = 250;

/** Waits until this replica holds what the datastore had when it was asked, at most 1 s. Asked by strangers, too: so all who wait share one
 *  look, and after it there is none for a while. */
export function freshOf(bus: Bus): () => Promise<void> {
  let looking: Promise<void> | undefined;
  let nextAt = 0;
  return async () => {
    if (!looking && clock.monotonic() < nextAt) return;
    looking ??= bus
      .caughtUp(null, { timeoutMs: WAIT_MS })
      .catch(() => {})
      .finally(() => {
        looking = undefined;
        nextAt = clock.monotonic() + PAUSE_MS;
      });
    await looking;
  };
}
