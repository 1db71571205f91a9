/** Work that goes on side by side, up to a number of pieces and up to a size of all of them together. */
export interface Window {
  /** Waits until there is room, then starts the work, which must not reject. One piece always has room. */
  add(bytes: number, work: () => Promise<void>): Promise<void>;
  /** Resolves when nothing is going on. */
  drained(): Promise<void>;
  /** How many pieces are going on. */
  readonly size: number;
}

export function createWindow(limits: { pieces: number; bytes: number }): Window {
  const running = new Set<Promise<void>>();
  let total = 0;
  const isFull = (bytes: number) => running.size >= limits.pieces || total + bytes > limits.bytes;
  return {
    get size() {
      return running.size;
    },
    async add(bytes, work) {
      while (running.size > 0 && isFull(bytes)) await Promise.race(running);
      total += bytes;
      const piece = work().finally(() => {
        running.delete(piece);
        total -= bytes;
      });
      running.add(piece);
    },
    async drained() {
      await Promise.all(running);
    },
  };
}
