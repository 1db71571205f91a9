/** The loops that are timed. Both sides run exactly these. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { dashboard, freshId } from "./payload.ts";
import type { Pipeline } from "./pipeline.ts";
import { DOCUMENT_BYTES } from "./plan.ts";

const ARRIVAL_MS = 10_000;

export interface Latencies {
  /** From the put's begin to its acknowledgement, in ms. */
  ack: number[];
  /** From the put's begin until a lookup on B answers with the document, in ms. */
  visible: number[];
}

/** Puts one after the other: the next one begins when the last is visible on B. */
export async function oneByOne(pipeline: Pipeline, durationMs: number, bytes = DOCUMENT_BYTES): Promise<Latencies> {
  const latencies: Latencies = { ack: [], visible: [] };
  await pipeline.watch();
  for (const end = performance.now() + durationMs; performance.now() < end; ) await once(pipeline, latencies, bytes);
  await pipeline.unwatch();
  return latencies;
}

/** Puts at a steady pace, whether or not earlier ones are through: a slow one does not hide what it does to the next ones. */
export async function paced(pipeline: Pipeline, durationMs: number, perSecond: number): Promise<Latencies> {
  const latencies: Latencies = { ack: [], visible: [] };
  const running: Promise<void>[] = [];
  await pipeline.watch();
  const begin = performance.now();
  for (let n = 0; n < (durationMs * perSecond) / 1000; n++) {
    await sleep(Math.max(0, begin + (n * 1000) / perSecond - performance.now()));
    running.push(once(pipeline, latencies));
  }
  await Promise.all(running);
  await pipeline.unwatch();
  return latencies;
}

async function once(pipeline: Pipeline, latencies: Latencies, bytes = DOCUMENT_BYTES): Promise<void> {
  const doc = dashboard(freshId(), bytes);
  const start = performance.now();
  const visible = pipeline.arrival(doc.id).then(() => performance.now() - start);
  await pipeline.put(doc);
  latencies.ack.push(performance.now() - start);
  latencies.visible.push(await within(visible, ARRIVAL_MS, `${doc.id} did not arrive`));
}

async function within<T>(promise: Promise<T>, ms: number, fault: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${fault} in ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export interface Flood {
  /** Acknowledged puts per second, from the first put's begin to the last acknowledgement. */
  perSecond: number;
  /** How long after the last acknowledgement B held everything. */
  lagMs: number;
}

/** Puts with `inFlight` at a time, until the time is up. */
export async function flood(pipeline: Pipeline, durationMs: number, inFlight: number): Promise<Flood> {
  let count = 0;
  const start = performance.now();
  const lane = async () => {
    while (performance.now() - start < durationMs) {
      await pipeline.put(dashboard(freshId(), DOCUMENT_BYTES));
      count++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const acknowledged = performance.now();
  await pipeline.settled();
  return { perSecond: (count * 1000) / (acknowledged - start), lagMs: performance.now() - acknowledged };
}
