/** What a webserver says of itself beside its position, and hears of its peers: only to a datastore that takes it. */
import type { CheckInReply, Vitals as Said } from "../schemas/types.ts";
import type { PeerStatus } from "./api.ts";

export class Vitals {
  #draining = false;
  #taken = false;

  /** For the next check-in. */
  said({ deadLetters, conflicts }: { deadLetters: number; conflicts: number }): { vitals?: Said } {
    return this.#taken ? { vitals: { draining: this.#draining, deadLetters, conflicts } } : {};
  }

  /** The peers of a check-in's answer. */
  heard({ peers, vitals }: CheckInReply): PeerStatus[] {
    this.#taken = vitals !== undefined;
    return peers.map((peer) => ({ ...vitals?.[peer.webserver], ...peer }));
  }

  /** A check-in was not answered. When it was refused it may be another datastore now, and an older one. */
  failed({ retryable }: { retryable: boolean }): void {
    this.#taken &&= retryable;
  }

  /** False: it was said before. */
  drain(draining: boolean): boolean {
    const news = this.#draining !== draining;
    this.#draining = draining;
    return news;
  }
}
