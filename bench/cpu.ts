/** `npm run bench:cpu [-- --sync always]`: the CPU time of one put with IN_FLIGHT of them under way, by process and thread, beside the bare pipeline's. Linux
 *  only: from what the kernel counts for each thread before and after a flood. */
import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { findNatsServer } from "../functions/nats-server/index.ts";
import type { Sync } from "./bare/server.ts";
import type { Flood } from "./measure.ts";
import { alternate, openSides, type Side } from "./sides.ts";
import { Stage } from "./stage.ts";
import { median } from "./stats.ts";

const ROUNDS = 5;
const FLOOD_MS = 3000;
const WARM_UP_MS = 4000;

/** Processes that only wait: those that hold the others. They count in the sum. */
const REST = "rest";

/** µs of a put, by where they are spent; `busy`: the share of all cores. */
interface Spent {
  parts: Map<string, number>;
  perSecond: number;
  busy: number;
}

async function spentIn(side: Side): Promise<Spent> {
  const before = times();
  const start = performance.now();
  const { perSecond } = (await side.client.ask("flood", FLOOD_MS)) as Flood;
  const wallMs = performance.now() - start;
  const puts = (perSecond * FLOOD_MS) / 1000;
  const parts = new Map<string, number>();
  let all = 0;
  for (const [thread, { part, ns }] of times()) {
    const spent = (ns - (before.get(thread)?.ns ?? 0)) / 1000;
    all += spent;
    parts.set(part, (parts.get(part) ?? 0) + spent / puts);
  }
  return { parts: new Map([...parts, ["all", all / puts]]), perSecond, busy: all / 1000 / wallMs / cpus().length };
}

/** Of every thread of this process's descendants. */
function times(): Map<string, { part: string; ns: number }> {
  const found = new Map<string, { part: string; ns: number }>();
  for (const pid of descendants(process.pid)) {
    try {
      const part = partOf(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"));
      for (const tid of readdirSync(`/proc/${pid}/task`)) {
        const ns = Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, "utf8").split(" ")[0]);
        const others = part !== "nats-server" && tid !== String(pid);
        found.set(`${pid}/${tid}`, { part: others ? `${part}, other threads` : part, ns });
      }
    } catch {
      // It has ended.
    }
  }
  return found;
}

function descendants(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((tid) =>
    readFileSync(`/proc/${pid}/task/${tid}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function partOf(command: readonly string[]): string {
  const text = command.join(" ");
  if (/nats-server/.test(command[0] ?? "")) return "nats-server";
  if (/client/.test(text)) return "client";
  return /handler|process\.js/.test(text) ? "handler" : REST;
}

function syncOf(text: string): Sync {
  if (text === "always" || text === "default") return text;
  throw new Error(`--sync is always or default, not '${text}'`);
}

async function main(stage: Stage): Promise<void> {
  const { values } = parseArgs({ strict: true, options: { sync: { type: "string", default: "default" } } });
  const sync = syncOf(values.sync);
  const sides = await openSides(stage, await findNatsServer(), sync);
  for (const side of [sides.ours, sides.bare]) await side.client.ask("flood", WARM_UP_MS);
  const rounds = await alternate(ROUNDS, { ours: () => spentIn(sides.ours), bare: () => spentIn(sides.bare) });
  const row = (name: string, ...cells: string[]) =>
    console.log([name.padEnd(28), ...cells.map((cell) => cell.padStart(10))].join(" "));
  const line = (name: string, pick: (spent: Spent) => number, digits = 0) => {
    const all = (["ours", "bare"] as const).map((side) => median(rounds.map((round) => pick(round[side]))).toFixed(digits));
    row(name, ...all, median(rounds.map(({ ours, bare }) => pick(ours) / pick(bare))).toFixed(2));
  };
  row(`µs a put, sync ${sync}`, "frontsync", "bare", "ratio");
  const names = new Set(rounds.flatMap(({ ours, bare }) => [...ours.parts.keys(), ...bare.parts.keys()]));
  for (const name of [...names].filter((one) => one !== "all" && one !== REST).sort())
    line(name, ({ parts }) => parts.get(name) ?? 0);
  line("all", ({ parts }) => parts.get("all") ?? 0);
  line("puts a second", ({ perSecond }) => perSecond);
  line("share of the cores", ({ busy }) => busy, 2);
}

const stage = await Stage.open();
try {
  await main(stage);
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  await stage.close();
}
process.exit();
