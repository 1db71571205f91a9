/** Deliberately broken webservers, for the positive controls: a checker that finds nothing wrong must be one that would have found it. None of
 *  this is in the product: it is put around the bus, or over one of its classes, in the process of the webserver under test. */
import type { Bus } from "../../../bus/index.ts";
import type { WebserverOrder } from "../messages.ts";
import { AROUND } from "./around.ts";
import { WITHIN } from "./within.ts";

/** All of them: the invariant that each breaks, and the faults without which nothing is seen of it. */
export const BREAKS: Readonly<Record<string, { invariant: number; kinds: readonly string[] }>> = {
  "lost-acknowledged": { invariant: 1, kinds: [] },
  "forgotten-outbox": { invariant: 1, kinds: ["torn-outbox", "kill-nats-server", "kill-webserver"] },
  "applied-twice": { invariant: 2, kinds: [] },
  "told-out-of-order": { invariant: 3, kinds: [] },
  "other-row": { invariant: 4, kinds: [] },
  "stuck-outbox": { invariant: 5, kinds: ["cut"] },
  "no-waiting": { invariant: 6, kinds: ["cut", "cut-in", "pause-webserver"] },
  "zombie-write": { invariant: 7, kinds: [] },
  "deletes-the-unknown": { invariant: 8, kinds: [] },
  "flipped-body": { invariant: 9, kinds: [] },
  "damaged-content": { invariant: 10, kinds: [] },
  leak: { invariant: 11, kinds: [] },
};

/** Before the bus is opened. */
export function breakWebserver(name: string | undefined, order: WebserverOrder): void {
  if (name !== undefined) WITHIN[name]?.(order);
}

export function breakBus(name: string | undefined, bus: Bus, order: WebserverOrder): Bus {
  return (name !== undefined && AROUND[name]?.(bus, order)) || bus;
}
