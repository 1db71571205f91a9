/** Which webservers an operator has drained: documents like any others, so that every load balancer and every webserver knows it at once, and also after
 *  a restart without the datastore. */
import { type Bus, log } from "../../bus/index.ts";

const MAX_DRAINS = 10_000;
const AGAIN_MS = 1000;

/** Calls `apply` with all of them, now and after each change, until the signal aborts. */
export async function followDrains(
  bus: Bus,
  apply: (webservers: ReadonlySet<string>) => void,
  signal: AbortSignal,
): Promise<void> {
  const drained = new Set<string>();
  while (!signal.aborted) {
    try {
      drained.clear();
      for await (const { op, id } of bus.collection("drains").changes({ since: 0, signal })) {
        if (op === "delete") drained.delete(id);
        else if (drained.size < MAX_DRAINS) drained.add(id);
        apply(drained);
      }
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, "the drained webservers could not be read");
    }
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
