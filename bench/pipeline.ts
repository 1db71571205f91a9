import type { Dashboard } from "./payload.ts";

/** One way to store documents on A and to see them on B: ours, or the bare one. Both are measured through this, by the same code. */
export interface Pipeline {
  /** Stores a new document, sent by A. Resolves when it is acknowledged. */
  put(doc: Dashboard): Promise<void>;
  /** From now on B's arrivals can be waited for. */
  watch(): Promise<void>;
  /** Resolves when B has noticed this document and a lookup on B has answered with it. Call it before the put. */
  arrival(id: string): Promise<void>;
  unwatch(): Promise<void>;
  /** Resolves when B holds everything that was acknowledged. */
  settled(): Promise<void>;
}
