/** What a client may take, of every HTTP server here. */

/** Of a request's headers, bytes, and ms. */
export const MAX_HEADERS = 16 * 1024;
export const HEADERS_MS = 10_000;
/** How often Node looks for slow headers, ms. */
export const LOOK_MS = 1000;
export const HANDSHAKE_MS = 10_000;
/** Of a socket on which nothing happens, in either direction, ms. */
export const IDLE_MS = 60_000;
/** Longer than browsers keep a connection that they do not use, so that it is they who close it, ms. */
export const KEEP_ALIVE_MS = 75_000;
export const MAX_CONNECTIONS = 10_000;
/** Of the answers that are under way when a server stops, ms; then they are cut. */
export const LAST_ANSWERS_MS = 10_000;
