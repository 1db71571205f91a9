/** Runs tasks one after the other for each key, and side by side for different ones. */
export class KeyedQueue {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Whether a task of this key runs or waits. */
  has(key: string): boolean {
    return this.#last.has(key);
  }

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before ? before.then(task, task) : task();
    this.#last.set(key, mine);
    const forget = () => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    };
    mine.then(forget, forget);
    return mine;
  }
}
