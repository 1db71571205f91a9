/** Deliberately broken webservers, for the positive controls: a checker that finds nothing wrong must be one that would have found it. None of
 *  this is in the product: it is put around the bus, or over one of its classes, in the process of the webserver under test. */
import type { Bus } from "../../bus/index.ts";
import type { WebserverOrder } from "../messages.ts";
import { AROUND } from "./around.ts";
import { WITHIN } from "./within.ts";

/** The names of all of them, by the invariant that they break. */
export const BREAKS: Readonly<Record<string, number>> = {
  "lost-acknowledged": 1,
  "forgotten-outbox": 1,
  "applied-twice": 2,
  "told-out-of-order": 3,
  "other-row": 4,
  "stuck-outbox": 5,
  "no-waiting": 6,
  "zombie-write": 7,
  "deletes-the-unknown": 8,
  "flipped-body": 9,
  "damaged-content": 10,
  leak: 11,
};

/** Before the bus is opened. */
export function breakWebserver(name: string | undefined, order: WebserverOrder): void {
  if (name !== undefined) WITHIN[name]?.(order);
}

export function breakBus(name: string | undefined, bus: Bus, order: WebserverOrder): Bus {
  return (name !== undefined && AROUND[name]?.(bus, order)) || bus;
}
