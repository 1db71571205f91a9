/** A few pieces under way at once, handled in order: what a transfer holds in memory, whatever its size. */

/** Starts `start(n)` for n = 0 to count - 1, at most `width` ahead of what was handled, and hands each result to `handle` in order. When one
 *  fails, nothing new is started, and those under way are waited for. */
export async function inOrder<T>(
  count: number,
  width: number,
  start: (n: number) => Promise<T>,
  handle: (value: T, n: number) => Promise<void> | void,
): Promise<void> {
  const underway: Promise<T>[] = [];
  let next = 0;
  try {
    for (let n = 0; n < count; n++) {
      while (next < count && underway.length < width) {
        const started = start(next++);
        started.catch(() => {});
        underway.push(started);
      }
      await handle(await (underway[0] as Promise<T>), n);
      underway.shift();
    }
  } finally {
    await Promise.allSettled(underway);
  }
}
