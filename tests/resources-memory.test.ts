// Goal: memory does not grow with what is transferred: 128 MB up and down raise a webserver's RSS, and a handler's, by less than 64 MB; a slow reader
// changes nothing. Method: a webserver in a process of its own is warmed up by contents of 16 MB; then the largest RSS that Linux has seen of it.
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";
import type { ResourcesOrder, ResourcesReport } from "./support/resources-webserver.ts";

const PROGRAM = fileURLToPath(new URL("support/resources-webserver.js", import.meta.url));
const MB = 1024 * 1024;
const WARM = 16 * MB;
const SIZE = 128 * MB;

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
    await eventually(`${size} bytes are through`, 60_000, () => {
      assert.ok(!reports.some((report) => "failed" in report), JSON.stringify(reports.at(-1)));
      return done(size);
    });
  return { pid: child.pid ?? assert.fail("it did not start"), seen };
}

describe("memory", { skip: process.platform !== "linux", timeout: 180_000 }, () => {
  it("is bounded, up and down", async (t) => {
    await using deployment = await deploy({ webservers: 0 });
    const [handler = 0] = deployment.datastore.pids.handlers;
    const up = start(t, deployment, "up", { upload: [WARM, WARM + 1, SIZE] });
    const down = start(t, deployment, "down", {});
    await Promise.all([up.seen(WARM + 1), down.seen(WARM + 1)]);
    const processes = { up: up.pid, down: down.pid, handler };
    const warm = Object.entries(processes).map(([name, pid]) => ({ name, pid, rss: resetPeak(pid) }));
    await Promise.all([up.seen(SIZE), down.seen(SIZE)]);
    for (const { name, pid, rss } of warm) {
      const { peak } = memory(pid);
      t.diagnostic(`${name}: ${Math.round(rss / MB)} MB warm, ${Math.round(peak / MB)} MB at most`);
      assert.ok(peak - rss < 64 * MB, `${name} grew by ${Math.round((peak - rss) / MB)} MB`);
    }
  });

  it("is bounded with a reader of 1 MB a second", async (t) => {
    await using deployment = await deploy({ webservers: 1 });
    const [bus] = deployment.buses;
    assert.ok(bus);
    const up = start(t, deployment, "up", { upload: [WARM, SIZE] });
    await up.seen(SIZE);
    await eventually("it is here", 60_000, () => bus.resources.local("upload-1").catch(() => undefined));
    const rss = resetPeak(process.pid);
    const stream = await bus.resources.open("upload-1");
    let read = 0;
    for await (const bytes of stream) {
      read += (bytes as Buffer).length;
      // The pace is what is tested.
      await sleep(((bytes as Buffer).length / MB) * 1000);
      if (read >= 3 * MB) break;
    }
    const grown = memory(process.pid).peak - rss;
    t.diagnostic(`a slow reader: ${Math.round(grown / MB)} MB more`);
    assert.ok(grown < 32 * MB, `${grown}`);
  });
});
