/** The figures of writes: how soon a put is acknowledged and visible on another webserver, and how many fit into a second. */
import type { Sync } from "./bare/server.ts";
import { type Figure, type FigureName, figure, type Pair } from "./figures.ts";
import type { Latencies } from "./measure.ts";
import { PACE_PER_SECOND } from "./plan.ts";
import { type Run, wants } from "./run.ts";
import { alternate, openSides, type Sides } from "./sides.ts";
import { percentile } from "./stats.ts";

const SINGLE = ["put-ack-p50", "put-ack-p99", "visible-p50", "visible-p99"] as const;
const PACED = ["put-ack-p50-paced", "put-ack-p99-paced", "visible-p50-paced", "visible-p99-paced"] as const;
const LARGE = "put-300KB-p50";
const SINGLE_DURABLE = ["put-ack-p50-durable"] as const;

/** With nats-server's default sync interval: acknowledged once nats-server has it. */
export async function measureWrites(run: Run): Promise<void> {
  if (!wants(run, ...SINGLE, ...PACED, "throughput", LARGE)) return;
  const sides = await warmSides(run, "default");
  if (wants(run, ...SINGLE)) await measureSingle(run, sides, SINGLE);
  if (wants(run, ...PACED)) await measurePaced(run, sides);
  if (wants(run, "throughput")) await measureThroughput(run, sides, "throughput");
  if (wants(run, LARGE)) await measureLarge(run, sides);
  await sides.close();
}

/** With `sync: "always"`: acknowledged once it is fsynced. */
export async function measureDurableWrites(run: Run): Promise<void> {
  if (!wants(run, ...SINGLE_DURABLE, "throughput-durable")) return;
  const sides = await warmSides(run, "always");
  if (wants(run, ...SINGLE_DURABLE)) await measureSingle(run, sides, SINGLE_DURABLE);
  if (wants(run, "throughput-durable")) await measureThroughput(run, sides, "throughput-durable");
  await sides.close();
}

/** Started, and after so many puts that the compiler has seen enough of them: one after the other they would be too few. */
async function warmSides(run: Run, sync: Sync): Promise<Sides> {
  run.progress(`starting both sides, sync ${sync}`);
  const sides = await openSides(run.stage, run.found, sync);
  for (const side of ["ours", "bare"] as const) {
    run.progress(`warming up, ${side}`);
    await sides[side].client.ask("flood", run.plan.warmUpMs);
  }
  return sides;
}

async function measureSingle(run: Run, sides: Sides, names: readonly FigureName[]): Promise<void> {
  const { singleMs } = run.plan;
  const results = await inRounds(run, "one put after the other", (side) => sides[side].client.ask("oneByOne", singleMs));
  for (const name of names) run.report(latencyFigure(name, results));
}

async function measureLarge(run: Run, sides: Sides): Promise<void> {
  const { largeMs } = run.plan;
  const results = await inRounds(run, "puts of 300 KB", (side) => sides[side].client.ask("large", largeMs));
  run.report(latencyFigure(LARGE, results));
}

async function measurePaced(run: Run, sides: Sides): Promise<void> {
  const what = `${PACE_PER_SECOND} puts a second`;
  const results = await inRounds(run, what, (side) => sides[side].client.ask("paced", run.plan.pacedMs));
  for (const name of PACED) run.report(latencyFigure(name, results));
}

async function measureThroughput(run: Run, sides: Sides, name: FigureName): Promise<void> {
  const { floodMs } = run.plan;
  const results = await inRounds(run, name, (side) => sides[side].client.ask("flood", floodMs));
  const lag = figure(
    name,
    pairs(results, (flood) => flood.lagMs),
  );
  const perSecond = pairs(results, (flood) => flood.perSecond);
  run.report(figure(name, perSecond, { lagMs: lag.value, bareLagMs: lag.limit }));
}

function inRounds<T>(run: Run, what: string, measure: (side: keyof Pair) => Promise<T>): Promise<{ ours: T; bare: T }[]> {
  const { rounds } = run.plan;
  const told = (side: keyof Pair) => (round: number) => {
    run.progress(`${what}: round ${round} of ${rounds}, ${side}`);
    return measure(side);
  };
  return alternate(rounds, { ours: told("ours"), bare: told("bare") });
}

function latencyFigure(name: FigureName, results: readonly { ours: Latencies; bare: Latencies }[]): Figure {
  const share = name.includes("p99") ? 0.99 : 0.5;
  const kind = name.startsWith("visible") ? "visible" : "ack";
  const samples = results.reduce((sum, { ours, bare }) => sum + ours[kind].length + bare[kind].length, 0);
  return figure(
    name,
    pairs(results, (latencies) => percentile(latencies[kind], share)),
    { samples },
  );
}

function pairs<T>(results: readonly { ours: T; bare: T }[], pick: (result: T) => number): Pair[] {
  return results.map(({ ours, bare }) => ({ ours: pick(ours), bare: pick(bare) }));
}
