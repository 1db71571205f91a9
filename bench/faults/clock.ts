/** The driver's own time: the clocks of the processes under test are moved, this one never is. */
export const now = (): number => Math.round(performance.now());

/** Resolves after `ms`, or at once when the signal aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal?.aborted) done();
    else signal?.addEventListener("abort", done, { once: true });
  });
}

/** Waits until `condition` gives something; undefined when it did not within `ms`. */
export async function until<T>(
  ms: number,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T | undefined> {
  for (const end = now() + ms; ; ) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (now() >= end) return undefined;
    await pause(20);
  }
}
