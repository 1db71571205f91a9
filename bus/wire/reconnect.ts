/** When the client tries to connect again. It counts from its last try by the wall clock: one that is set back would keep it from trying until that
 *  time has come again. */
import { clock } from "../platform/clock.ts";
import { random } from "../platform/random.ts";

const WAIT_MS = 250;
const JITTER_MS = 100;
/** What the wall clock may lose against the other one without having been set back. */
const STEP_MS = 100;

/** For the client's `reconnectDelayHandler`, which it asks before each try: ms since its last try. Of one connection. */
export function reconnectDelay(): () => number {
  const ahead = () => clock.now() - clock.monotonic();
  let before = ahead();
  return () => {
    const now = ahead();
    const isSetBack = now < before - STEP_MS;
    before = now;
    // Its last try lies in the future: now, then, and from here on by the clock as it is.
    return isSetBack ? Number.NEGATIVE_INFINITY : WAIT_MS + JITTER_MS * random.number();
  };
}
