// Goal: memory does not grow with what is transferred: 128 MB up and down raise a webserver's RSS, and a handler's, by less than 64 MB; so do several
// contents at once, and a slow reader. Method: a webserver in a process of its own is warmed up by contents of 8 and 16 MB, one and several at once; then the largest RSS that Linux has seen of it.
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";
import type { ResourcesOrder, ResourcesReport } from "./support/resources-webserver.ts";

const PROGRAM = fileURLToPath(new URL("support/resources-webserver.js", import.meta.url));
const MB = 1024 * 1024;
const WARM = 16 * MB;
const SIZE = 128 * MB;
/** At once, more than go up or down at the same time. */
const SEVERAL = Array.from({ length: 6 }, (_, n) => 20 * MB + n);
const WARM_SEVERAL = Array.from({ length: 6 }, (_, n) => 8 * MB + n);

/** Bytes: now, and the most since `resetPeak`. */
function memory(pid: number): { rss: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kb = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1]) * 1024;
  return { rss: kb("VmRSS"), peak: kb("VmHWM") };
}

function resetPeak(pid: number): number {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  return memory(pid).rss;
}

function start(t: TestContext, deployment: Deployment, webserver: string, order: Partial<ResourcesOrder>) {
  const child: ChildProcess = fork(PROGRAM, [], { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  t.after(() => child.kill("SIGKILL"));
  const reports: ResourcesReport[] = [];
  child.on("message", (report: ResourcesReport) => void reports.push(report));
  child.send({ datastore: deployment.datastore.address, webserver, dir: join(deployment.dir, webserver), ...order });
  const done = (size: number) => reports.some((report) => "done" in report && report.size === size && report.done === size);
  const seen = async (size: number) =>
    await eventually(`${size} bytes are through`, 600_000, () => {
      assert.ok(!reports.some((report) => "failed" in report), JSON.stringify(reports.at(-1)));
      return done(size);
    });
  return { pid: child.pid ?? assert.fail("it did not start"), seen, reports };
}

describe("memory", { skip: process.platform !== "linux", timeout: 900_000 }, () => {
  it("is bounded, up and down: of one that is large, of several at once, and with a reader of 1 MB a second", async (t) => {
    await using deployment = await deploy({ webservers: 0 });
    const [handler = 0] = deployment.datastore.pids.handlers;
    const up = start(t, deployment, "up", { upload: [WARM, WARM + 1, WARM_SEVERAL, SIZE, SEVERAL] });
    const down = start(t, deployment, "down", { slowly: SIZE });
    await Promise.all([WARM + 1, ...WARM_SEVERAL].flatMap((size) => [up.seen(size), down.seen(size)]));
    const processes = { up: up.pid, down: down.pid, handler };
    const warm = Object.entries(processes).map(([name, pid]) => ({ name, pid, rss: resetPeak(pid) }));
    await Promise.all([SIZE, ...SEVERAL].flatMap((size) => [up.seen(size), down.seen(size)]));
    await eventually("the slow reader has its part", 180_000, () => down.reports.some((report) => "slowly" in report));
    for (const { name, pid, rss } of warm) {
      const { peak } = memory(pid);
      t.diagnostic(`${name}: ${Math.round(rss / MB)} MB warm, ${Math.round(peak / MB)} MB at most`);
      assert.ok(peak - rss < 64 * MB, `${name} grew by ${Math.round((peak - rss) / MB)} MB`);
    }
  });
});
