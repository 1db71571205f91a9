import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

/** A new folder that goes with the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "frontsync-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** An executable shell script `<folder>/<name>`; the folder is made. */
export function script(folder: string, name: string, body: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A program that says what `nats-server --version` says, and nothing else. */
export function fakeServer(folder: string, version: string): string {
  return script(folder, "nats-server", `echo "nats-server: v${version}"`);
}

/** Waits until `condition` gives something, at most `timeoutMs`; what was awaited is in the failure. */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    assert.ok(performance.now() < end, `not within ${timeoutMs} ms: ${what}`);
    await sleep(10);
  }
}

export interface Process {
  pid: number;
  group: number;
}

/** All processes that run, without zombies: what has ended and only waits for init to notice has ended. */
export function processes(): Process[] {
  if (process.platform !== "linux") {
    const lines = execFileSync("ps", ["-A", "-o", "pid=,pgid=,stat="], { encoding: "utf8" }).trim().split("\n");
    const rows = lines.map((line) => line.trim().split(/\s+/));
    return rows
      .filter(([, , state]) => !state?.startsWith("Z"))
      .map(([pid, group]) => ({ pid: Number(pid), group: Number(group) }));
  }
  const found: Process[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state !== "Z") found.push({ pid: Number(name), group: Number(group) });
    } catch {
      // it ended meanwhile
    }
  }
  return found;
}

/** The process group of a running process. */
export function groupOf(pid: number): number {
  const found = processes().find((one) => one.pid === pid);
  assert.ok(found, `process ${pid} runs`);
  return found.group;
}

export function groupIsGone(group: number): boolean {
  return !processes().some((one) => one.group === group);
}

/** Nobody listens there. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
