/** Writes dashboards on one webserver and sees them arrive in the other's local database. */
import { isDeepStrictEqual } from "node:util";
import type { Bus } from "../../../bus/api.ts";
import { clock } from "../../../bus/platform/clock.ts";
import { within } from "../../../bus/platform/deadline.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { Sample } from "./samples.ts";

const ARRIVAL_MS = 30_000;
const PAGE_SIZE = 1000;

export interface Arrival {
  id: string;
  name: string;
  revision: number;
  /** From the call of put on one webserver until the other's local database answered a get with it. */
  visibleMs: number;
}

/** Writes the samples one after the other, so that each time stands for itself. Throws TIMEOUT when one does not arrive within
 *  30 s, INTERNAL when something else arrives than was sent. */
export async function showArrivals(
  writer: Bus,
  reader: Bus,
  samples: readonly Sample[],
  signal: AbortSignal,
): Promise<Arrival[]> {
  const arrivals: Arrival[] = [];
  for (const sample of samples) {
    const ended = new AbortController();
    try {
      const arriving = arrivalOf(sample, reader, AbortSignal.any([signal, ended.signal]));
      const startedMs = clock.monotonic();
      const written = writer.collection("dashboards").put(sample, { signal });
      const both = Promise.all([arriving, written]);
      const [at, { revision }] = await within(both, `The way of '${sample.id}' to the other webserver`, {
        timeoutMs: ARRIVAL_MS,
        signal,
      });
      arrivals.push({ id: sample.id, name: sample.name, revision: revision ?? 0, visibleMs: at - startedMs });
    } finally {
      ended.abort();
    }
  }
  return arrivals;
}

/** When the reader's own database answers with this very writing of the sample. */
async function arrivalOf(sample: Sample, reader: Bus, signal: AbortSignal): Promise<number> {
  const dashboards = reader.collection("dashboards");
  for await (const { id } of dashboards.changes({ since: reader.status().cursor, signal })) {
    if (id !== sample.id) continue;
    const held = await dashboards.get(id);
    const at = clock.monotonic();
    if (held !== undefined && isWriting(held.doc, sample)) return at;
  }
  signal.throwIfAborted();
  throw new FrontsyncError("INTERNAL", `The changes of the webserver ended before '${sample.id}' arrived.`);
}

/** Whether a document has every field of the sample; the datastore adds some of its own. */
export function isWriting(held: object, sample: Sample): boolean {
  return Object.entries(sample).every(([field, value]) => isDeepStrictEqual((held as Record<string, unknown>)[field], value));
}

/** How many dashboards this webserver holds. */
export async function countDashboards(bus: Bus): Promise<number> {
  const dashboards = bus.collection("dashboards");
  let total = 0;
  let after: string | undefined;
  do {
    const page = await dashboards.list({ limit: PAGE_SIZE, ...(after === undefined ? {} : { after }) });
    total += page.items.length;
    after = page.next;
  } while (after !== undefined);
  return total;
}
