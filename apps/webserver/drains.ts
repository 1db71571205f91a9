/** Which webservers an operator has drained: documents like any others, so that every load balancer and every webserver knows it at once, and also after
 *  a restart without the datastore. */
import { type Bus, log } from "../../bus/index.ts";

const MAX_DRAINS = 10_000;
const PAGE = 1000;
const AGAIN_MS = 1000;

/** Calls `apply` with all of them, now and after each change, until the signal aborts. */
export async function followDrains(
  bus: Bus,
  apply: (webservers: ReadonlySet<string>) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      // Before the first look: what changes after it is told.
      const changes = bus.collection("drains").changes({ signal });
      apply(await drained(bus));
      for await (const _change of changes) apply(await drained(bus));
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, "the drained webservers could not be read");
    }
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

async function drained(bus: Bus): Promise<Set<string>> {
  const found = new Set<string>();
  let after: string | undefined;
  do {
    const { items, next } = await bus.collection("drains").list({ limit: PAGE, ...(after !== undefined && { after }) });
    for (const { id } of items) found.add(id);
    after = next;
  } while (after !== undefined && found.size < MAX_DRAINS);
  return found;
}
