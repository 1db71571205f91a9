/** How long a page of changes is waited for, and how much is asked for at once. It follows from the pages before: over a slow line a large page does
 *  not come in time, however often it is asked for, and keeps up all that comes behind it. */

/** A handler that died with the request never answers: so it is not waited for long at first. */
const TIMEOUT_MS = { first: 3000, most: 24_000 };
/** Of what the last page took, for the next one. */
const PATIENCE = 4;
/** After a page that came sooner the next one may be twice as large; one that did not come is asked for again with a quarter. */
const QUICK_MS = 1000;
const LEAST_BYTES = 64 * 1024;

export class Pace {
  #timeoutMs = TIMEOUT_MS.first;
  /** undefined: as many as the datastore gives. */
  #bytes: number | undefined;

  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** What the request says of the page's size. `pageBytes`: of the datastore's pages; undefined: it takes no wish. */
  wish(pageBytes: number | undefined): { mostBytes?: number } {
    return pageBytes === undefined || this.#bytes === undefined ? {} : { mostBytes: this.#bytes };
  }

  /** A page came after ms. */
  came(ms: number, pageBytes: number | undefined): void {
    this.#timeoutMs = Math.min(Math.max(ms * PATIENCE, TIMEOUT_MS.first), TIMEOUT_MS.most);
    if (this.#bytes === undefined || ms >= QUICK_MS) return;
    this.#bytes = this.#bytes * 2 < (pageBytes ?? 0) ? this.#bytes * 2 : undefined;
  }

  /** It did not come in time, or the connection broke. */
  failed(pageBytes: number | undefined): void {
    this.#timeoutMs = Math.min(this.#timeoutMs * 2, TIMEOUT_MS.most);
    const bytes = this.#bytes ?? pageBytes;
    if (bytes !== undefined) this.#bytes = Math.max(LEAST_BYTES, Math.floor(bytes / 4));
  }
}
