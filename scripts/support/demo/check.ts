/** What `frontsync demo --check` asserts. */
import { isDeepStrictEqual } from "node:util";
import type { Loadbalancer } from "../../../apps/loadbalancer/index.ts";
import type { Bus } from "../../../bus/api.ts";
import { clock } from "../../../bus/platform/clock.ts";
import { pause } from "../../../bus/platform/deadline.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { percentile, rounded } from "../numbers.ts";
import { countDashboards, isWriting, showArrivals } from "./arrivals.ts";
import { type Sample, sampleDashboards } from "./samples.ts";
import type { Session } from "./session.ts";

const SETTLE_MS = 60_000;
const LOOK_MS = 50;

export interface CheckSummary {
  ok: true;
  dashboards: number;
  /** Put on web1 until web2's local database answers with it, in ms. */
  visibleMs: { p50: number; max: number };
  generation: string | null;
  head: number | null;
  /** Of the collections, the same on both webservers. */
  digests: Record<string, string>;
  warnings: { code: string; message: string }[];
  /** They answer, and say that they may get users. */
  webservers: { webserver: string; healthy: true }[];
  /** So many of them get users through the load balancer, which keeps each of these at one. */
  balancer: { webservers: number };
}

/** Writes the samples on one webserver and proves that the other holds the same. Throws INTERNAL with what differs. */
export async function checkSession(
  { writer, reader, datastore, webservers, balancer }: Session,
  signal: AbortSignal,
): Promise<CheckSummary> {
  const samples = sampleDashboards(new Date());
  const arrivals = await showArrivals(writer.bus, reader.bus, samples, signal);
  const buses = [writer.bus, reader.bus];
  for (const bus of buses) await bus.caughtUp(null, { timeoutMs: SETTLE_MS, signal });
  for (const { name, bus } of [writer, reader]) await assertSamples(name, bus, samples);

  const [ours, theirs] = await Promise.all([writer.bus.digests(), reader.bus.digests()]);
  assert(isDeepStrictEqual(ours.digests, theirs.digests), "The two webservers' digests differ");
  for (const { name, address } of webservers) await assertHealthy(name, address, signal);
  await assertBalanced(balancer, webservers.length, signal);
  for (const { name, bus } of [writer, reader]) {
    await assertSynced(name, bus, signal);
    const { generation } = bus.status();
    assert(
      generation === datastore.generation,
      `${name} is of generation ${generation}, the datastore of ${datastore.generation}`,
    );
  }
  const visible = arrivals.map(({ visibleMs }) => visibleMs);
  const { generation, head, warnings } = reader.bus.status();
  return {
    ok: true,
    dashboards: await countDashboards(reader.bus),
    visibleMs: { p50: rounded(percentile(visible, 0.5)), max: rounded(Math.max(...visible)) },
    generation,
    head,
    digests: theirs.digests,
    warnings,
    webservers: webservers.map(({ name }) => ({ webserver: name, healthy: true })),
    balancer: { webservers: webservers.length },
  };
}

/** Contact may be lost for a moment on a machine that has much to do. */
async function assertSynced(name: string, bus: Bus, signal: AbortSignal): Promise<void> {
  for (const end = clock.monotonic() + SETTLE_MS; bus.status().state !== "synced"; await pause(LOOK_MS, signal)) {
    signal.throwIfAborted();
    assert(clock.monotonic() < end, `${name} is ${bus.status().state}, not synced`);
  }
}

async function assertHealthy(name: string, address: string, signal: AbortSignal): Promise<void> {
  const { status } = await fetch(`${address}/api/health`, { signal });
  assert(status === 200, `${name} answers ${address}/api/health with ${status}`);
}

/** Each new user is sent to the next one, and then stays there. */
async function assertBalanced({ address }: Loadbalancer, webservers: number, signal: AbortSignal): Promise<void> {
  const found = new Set<string>();
  for (let n = 0; n < webservers; n++) {
    const first = await fetch(`${address}/api/version`, { signal });
    assert(first.status === 200, `The load balancer answers with ${first.status}`);
    const { webserver } = (await first.json()) as { webserver: string };
    const cookie = first.headers.getSetCookie()[0]?.split(";", 1)[0] ?? "";
    const again = await fetch(`${address}/api/version`, { headers: { cookie }, signal });
    assert(((await again.json()) as { webserver: string }).webserver === webserver, `A user of ${webserver} did not stay there`);
    found.add(webserver);
  }
  assert(found.size === webservers, `Through the load balancer only ${[...found].join(", ")} were reached`);
}

async function assertSamples(name: string, bus: Bus, samples: readonly Sample[]): Promise<void> {
  for (const sample of samples) {
    const held = await bus.collection("dashboards").get(sample.id);
    assert(held !== undefined, `${name} does not hold '${sample.id}'`);
    assert(!held.pending && isWriting(held.doc, sample), `${name} holds another version of '${sample.id}'`);
  }
}

function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new FrontsyncError("INTERNAL", `${what}.`);
}
