// Goal: the main job works on this machine in one line, and nothing of it stays behind however it ends.
// Method: the built command runs as a user runs it, in a process group of its own as a terminal gives it; the processes that it started
// are known by their groups and by what it prints with --json.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually, groupOf, processes, temporaryFolder } from "./support/nats-server-kit.ts";

const COMMAND = fileURLToPath(new URL("../scripts/frontsync.js", import.meta.url));
const START_MS = 300_000;
const END_MS = 120_000;
/** What was ended is gone at once; a machine may stand still meanwhile. */
const GONE_MS = 60_000;
const SAMPLES = 5;

interface Started {
  datastore: { address: string; generation: string; pids: { natsServer: number; handlers: number[] } };
  alreadyThere: number;
  dashboards: { id: string; visibleMs: number }[];
}

interface Demo {
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves with the exit code, or the signal that ended it. */
  ended: Promise<number | string>;
}

function demo(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): Demo {
  return watched(t, process.execPath, [COMMAND, "demo", ...args], env);
}

function watched(t: TestContext, program: string, args: readonly string[], env: NodeJS.ProcessEnv): Demo {
  // Tests are run by npm, too; only what says so is about npm.
  const child = spawn(program, args, { detached: true, env: { ...process.env, npm_execpath: undefined, ...env } });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (chunk: string) => (text[name] += chunk));
  const ended = once(child, "close").then(([code, signal]: (number | string)[]) => code ?? signal ?? "");
  t.after(() => killGroup(child.pid));
  return { child, ended, stdout: () => text.stdout, stderr: () => text.stderr };
}

function killGroup(group: number | undefined): void {
  try {
    if (group !== undefined) process.kill(-group, "SIGKILL");
  } catch {
    // it has ended, as it should
  }
}

function jsonLines({ stdout }: Demo): Record<string, unknown>[] {
  const complete = stdout().split("\n").slice(0, -1);
  return complete.map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function started(running: Demo): Promise<Started> {
  const look = () => {
    assert.equal(running.child.exitCode, null, `it ended: ${running.stderr()}`);
    return jsonLines(running).find(({ event }) => event === "started") as Started | undefined;
  };
  return eventually("the demo has started", START_MS, look);
}

async function end(running: Demo, timeoutMs = END_MS): Promise<number | string> {
  const timer = setTimeout(() => running.child.kill("SIGKILL"), timeoutMs);
  const outcome = await running.ended;
  clearTimeout(timer);
  return outcome;
}

/** Itself, its children and theirs. */
function processesOf({ child }: Demo, { datastore: { pids } }: Started): number[] {
  const groups = [child.pid, groupOf(pids.natsServer), ...pids.handlers.map(groupOf)];
  const found = processes().filter(({ group }) => groups.includes(group));
  return found.map(({ pid }) => pid);
}

async function gone(pids: readonly number[]): Promise<void> {
  assert.ok(pids.length >= 3, "the demo, nats-server and a handler were running");
  const left = () => processes().filter(({ pid }) => pids.includes(pid));
  await eventually("every process has ended", GONE_MS, () => left().length === 0);
}

describe("frontsync demo", { concurrency: 2 }, () => {
  test("--check proves that it works, in one line of JSON, and leaves nothing", async (t) => {
    const temporary = join(temporaryFolder(t), "tmp");
    mkdirSync(temporary);
    const running = demo(t, ["--check"], { TMPDIR: temporary });
    assert.equal(await end(running, START_MS), 0, running.stderr());
    assert.equal(running.stdout().split("\n").length, 2, "one line");
    const [summary] = jsonLines(running) as [
      {
        ok: boolean;
        dashboards: number;
        visibleMs: { p50: number; max: number };
        generation: string;
        webservers: { webserver: string; healthy: boolean }[];
        balancer: { webservers: number };
      },
    ];
    assert.deepEqual(
      summary.webservers,
      ["web1", "web2", "web3"].map((webserver) => ({ webserver, healthy: true })),
    );
    assert.deepEqual(summary.balancer, { webservers: 3 });
    assert.deepEqual([summary.ok, summary.dashboards, typeof summary.generation], [true, SAMPLES, "string"]);
    assert.ok(summary.visibleMs.p50 > 0 && summary.visibleMs.p50 <= summary.visibleMs.max);
    assert.deepEqual(readdirSync(temporary), []);
  });

  test("--check fails with one line of JSON when there is no NATS to use", async (t) => {
    const running = demo(t, ["--check", "--nats", "127.0.0.1:1"]);
    assert.equal(await end(running), 1);
    const [{ ok, error }] = jsonLines(running) as [{ ok: boolean; error: { code: string } }];
    assert.equal(ok, false);
    assert.equal(running.stderr().includes(`frontsync: ${error.code}: `), true, running.stderr());
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    test(`ends cleanly at ${signal}: stopped is the last line, the exit code 0, and no process is left`, async (t) => {
      const running = demo(t, ["--json", "--port", "0", "--dir", join(temporaryFolder(t), "data")]);
      const pids = processesOf(running, await started(running));
      // A terminal sends its Ctrl-C to everybody in the group, and so it sends the end of the session.
      process.kill(signal === "SIGTERM" ? (running.child.pid ?? 0) : -(running.child.pid ?? 0), signal);
      assert.equal(await end(running), 0, running.stderr());
      assert.deepEqual(jsonLines(running).at(-1), { event: "stopped" });
      await gone(pids);
    });
  }

  test("ends cleanly when the signal comes during the start", async (t) => {
    const dir = join(temporaryFolder(t), "data");
    const running = demo(t, ["--port", "0", "--dir", dir]);
    await eventually("the start has begun", START_MS, () => existsSync(join(dir, "datastore")));
    running.child.kill("SIGINT");
    assert.equal(await end(running), 0, running.stderr());
    assert.equal(running.stdout().trimEnd().split("\n").at(-1), "stopped");
    const group = running.child.pid;
    await eventually("its group is empty", GONE_MS, () => !processes().some((one) => one.group === group));
  });

  test("leaves no process when it is killed", async (t) => {
    const running = demo(t, ["--json", "--port", "0", "--dir", join(temporaryFolder(t), "data")]);
    const pids = processesOf(running, await started(running));
    running.child.kill("SIGKILL");
    await gone(pids);
  });

  test("ends cleanly when the shell between npm and it is ended", async (t) => {
    const line = `"${process.execPath}" "${COMMAND}" demo --json --port 0 --dir "${join(temporaryFolder(t), "data")}"; exit $?`;
    const running = watched(t, "/bin/sh", ["-c", line], { npm_execpath: "npm" });
    const pids = processesOf(running, await started(running));
    running.child.kill("SIGTERM");
    await end(running);
    assert.deepEqual(jsonLines(running).at(-1), { event: "stopped" });
    await gone(pids);
  });

  test("ends at once at a second Ctrl-C when the first one's drain hangs", async (t) => {
    const running = demo(t, ["--json", "--port", "0", "--dir", join(temporaryFolder(t), "data")]);
    const start = await started(running);
    const pids = processesOf(running, start);
    process.kill(start.datastore.pids.natsServer, "SIGSTOP");
    running.child.kill("SIGINT");
    running.child.kill("SIGINT");
    // Signals of one kind that come together are one signal: again, until it is heard.
    const again = setInterval(() => running.child.kill("SIGINT"), 50);
    assert.equal(await end(running), 130);
    clearInterval(again);
    await gone(pids);
  });

  test("keeps its data, which does not grow", async (t) => {
    const dir = join(temporaryFolder(t), "data");
    const generations = new Set<string>();
    for (const alreadyThere of [0, SAMPLES]) {
      const running = demo(t, ["--json", "--port", "0", "--dir", dir]);
      const start = await started(running);
      assert.equal(start.alreadyThere, alreadyThere);
      assert.equal(start.dashboards.length, SAMPLES);
      generations.add(start.datastore.generation);
      running.child.kill("SIGTERM");
      assert.equal(await end(running), 0, running.stderr());
    }
    assert.equal(generations.size, 1);
  });

  test("tells people where everything is, and goes on when they stop reading", async (t) => {
    const running = demo(t, ["--port", "0", "--dir", join(temporaryFolder(t), "data")]);
    await eventually("it says how to stop it", START_MS, () => running.stdout().includes("Ctrl-C stops it"));
    const [, address] = /^Open (http:\/\/127\.0\.0\.1:\d+)$/m.exec(running.stdout()) ?? [];
    assert.equal((await fetch(`${address}/api/version`)).status, 200, "the one address to open");
    assert.match(running.stdout(), /^ {2}datastore +127\.0\.0\.1:\d+$/m);
    assert.match(running.stdout(), /^ +\d[\d.]* m?s {2}Web traffic$/m);
    assert.ok(!running.stdout().includes("\u001b"), "no colours in a pipe");
    running.child.stdout?.destroy();
    running.child.kill("SIGTERM");
    assert.equal(await end(running), 0, running.stderr());
  });

  test("says what to do when its port is taken", async (t) => {
    const server = createServer().listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const running = demo(t, ["--json", "--port", String(port), "--dir", join(temporaryFolder(t), "data")]);
    assert.equal(await end(running), 1);
    assert.match(running.stderr(), new RegExp(`frontsync: BAD_CONFIG: Port ${port} is taken\\. .*--port 0`));
    const last = jsonLines(running).at(-1) as { error: { code: string } } | undefined;
    assert.equal(last?.error.code, "BAD_CONFIG");
  });
});
