/** How many bytes may be under way at once. */
export class ByteBudget {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes so many bytes, if there is room: false, and nothing is taken, if not. What is larger than the whole budget goes alone: nothing waits for
   *  ever. */
  take(bytes: number): boolean {
    if (this.#taken > 0 && this.#taken + bytes > this.#most) return false;
    this.#taken += bytes;
    return true;
  }

  /** Of what can't wait, and is seldom. */
  takeAnyway(bytes: number): void {
    this.#taken += bytes;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}
