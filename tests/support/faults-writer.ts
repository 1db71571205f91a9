/** A user that writes without a pause for thought: in lanes, one write after the other in each, every one tried again under its own
 *  mutation id until it is acknowledged. What it writes follows from lane and number, so it can be checked without having seen it. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Bus, FrontsyncError, type Written } from "../../bus/index.ts";

/** Writes that go to one document before the next one is begun: below the 20 versions that the store keeps. */
const PATCHES = 12;
const GIVE_UP_MS = 180_000;

export interface Acknowledged {
  lane: string;
  n: number;
  id: string;
  revision: number;
  mutationId: string;
}

export interface LaneOptions {
  bus: Bus;
  lane: string;
  /** The first write's number. */
  from: number;
  /** Between the beginnings of two writes, ms. */
  everyMs: number;
  signal: AbortSignal;
  /** A mutation id of the user's own for each write; without it the bus makes them. */
  mutationIdOf?: (n: number) => string;
  onStart?(n: number): void;
  /** The next write begins when this is over. */
  onAcknowledged(acknowledged: Acknowledged): Promise<void> | void;
  /** A try that failed. */
  onRetry?(code: string): void;
}

/** Even numbers make a document each; odd ones add a field to a document that they share with their neighbours. */
export function documentOf(lane: string, n: number): { id: string; field: string; creates: boolean } {
  if (n % 2 === 0) return { id: `${lane}-${n}`, field: `n${n}`, creates: true };
  const odd = (n - 1) / 2;
  return { id: `${lane}-log-${Math.floor(odd / PATCHES)}`, field: `n${n}`, creates: odd % PATCHES === 0 };
}

export function textOf(lane: string, n: number): string {
  return `${lane} wrote ${n} `.repeat(1 + (n % 20));
}

export async function writeLane({ bus, lane, from, everyMs, signal, ...options }: LaneOptions): Promise<void> {
  for (let n = from, next = performance.now(); !signal.aborted; n++, next += everyMs) {
    await sleep(Math.max(0, next - performance.now()));
    options.onStart?.(n);
    await options.onAcknowledged(await untilStored(bus, lane, n, options));
  }
}

/** A write that was queued is waited for, and asked again under its own mutation id: for the revision that it has. */
async function untilStored(
  bus: Bus,
  lane: string,
  n: number,
  { mutationIdOf, onRetry }: Pick<LaneOptions, "mutationIdOf" | "onRetry">,
): Promise<Acknowledged> {
  for (let given = mutationIdOf; ; ) {
    const { id, revision, mutationId } = await untilAcknowledged(bus, lane, n, {
      ...(given && { mutationIdOf: given }),
      ...(onRetry && { onRetry }),
    });
    if (revision !== null) return { lane, n, id, revision, mutationId };
    onRetry?.("QUEUED");
    await bus.caughtUp(null, { timeoutMs: GIVE_UP_MS });
    given = () => mutationId;
  }
}

async function untilAcknowledged(
  bus: Bus,
  lane: string,
  n: number,
  { mutationIdOf, onRetry }: Pick<LaneOptions, "mutationIdOf" | "onRetry">,
): Promise<Written> {
  const end = performance.now() + GIVE_UP_MS;
  const dashboards = bus.collection("dashboards");
  const { id, field, creates } = documentOf(lane, n);
  const data = { [field]: textOf(lane, n) };
  for (let mutationId = mutationIdOf?.(n); ; ) {
    try {
      const options = mutationId === undefined ? {} : { mutationId };
      return creates ? await dashboards.put({ id, name: lane, data }, options) : await dashboards.patch(id, { data }, options);
    } catch (error) {
      if (!(error instanceof FrontsyncError && error.retryable) || performance.now() > end) throw error;
      onRetry?.(error.code);
      mutationId ??= error.mutationId;
      await sleep(20);
    }
  }
}
