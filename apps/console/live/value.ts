/** A value that components show, and that changes. */
export class Value<T> {
  #now: T;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(first: T) {
    this.#now = first;
  }

  get now(): T {
    return this.#now;
  }

  set(next: T): void {
    if (Object.is(next, this.#now)) return;
    this.#now = next;
    for (const listener of [...this.#listeners]) listener(next);
  }

  /** Returns the unsubscriber. */
  on(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
