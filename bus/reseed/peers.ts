/** The webservers that this one has known of late, on disk: when the store is lost, they are asked for what they have. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isObject } from "../../schemas/document.ts";
import type { Peer } from "../../schemas/types.ts";
import { clock } from "../platform/clock.ts";
import { writeAtomically } from "../platform/files.ts";
import { log } from "../platform/log.ts";

/** Who has been away for longer is not waited for. */
const KNOWN_MS = 24 * 3600_000;
/** When nobody came or went, what is on disk may be this old. */
const WRITTEN_MS = 3600_000;
const MAX_PEERS = 1000;

export class KnownPeers {
  readonly #file: string;
  /** When each was last seen, ms since 1970. */
  readonly #seen = new Map<string, number>();
  #writtenAt = 0;

  constructor(dir: string) {
    this.#file = join(dir, "peers.json");
    try {
      const seen: unknown = JSON.parse(readFileSync(this.#file, "utf8"));
      for (const [webserver, at] of Object.entries(isObject(seen) ? seen : {})) this.#seen.set(webserver, Number(at));
    } catch {
      // Not there yet, or not whole: the next check-in tells.
    }
  }

  note(peers: readonly Peer[]): void {
    const now = clock.now();
    const before = this.#seen.size;
    let news = false;
    for (const { webserver, seenMsAgo } of peers) {
      news ||= !this.#seen.has(webserver);
      if (this.#seen.has(webserver) || this.#seen.size < MAX_PEERS) this.#seen.set(webserver, now - seenMsAgo);
    }
    for (const [webserver, at] of this.#seen) if (!(now - at < KNOWN_MS)) this.#seen.delete(webserver);
    if (!news && this.#seen.size === before && (this.#seen.size === 0 || now - this.#writtenAt < WRITTEN_MS)) return;
    this.#writtenAt = now;
    try {
      writeAtomically(this.#file, JSON.stringify(Object.fromEntries(this.#seen)));
    } catch (error) {
      log.warn({ err: error }, "the list of known webservers could not be written");
    }
  }

  /** Those that were there in the last day. */
  list(): string[] {
    const now = clock.now();
    return [...this.#seen].filter(([, at]) => now - at < KNOWN_MS).map(([webserver]) => webserver);
  }
}
