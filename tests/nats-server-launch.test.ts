// Goal: the embedded nats-server starts, tells where it is, and ends when it should, however its parent ends. Method: the real
// binary, as findNatsServer gives it, in folders of the test's own and on free ports; parents that die are child processes.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { before, describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { findNatsServer, launchNatsServer, type NatsConfigOptions, natsConfig } from "../functions/nats-server/index.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { eventually, fakeServer, groupIsGone, groupOf, processes, script, temporaryFolder } from "./support/nats-server-kit.ts";

const ISSUER = "AD4IDEPF56PEKS7GJ2X3L4T3BW2U3CBXPB3EBIIZFGULP6RMIBMAPOYP";
const PARENT = fileURLToPath(new URL("support/nats-server-parent.js", import.meta.url));

let binary = "";

function config(dir: string, options: Partial<NatsConfigOptions> = {}): string {
  const passwords = { functionsPassword: "f", authPassword: "a" };
  return natsConfig({
    listen: "127.0.0.1",
    port: 0,
    storeDir: join(dir, "store"),
    sync: "always",
    issuer: ISSUER,
    ...passwords,
    ...options,
  });
}

/** Connects by hand and returns what the server says to a user and password: PONG or -ERR …. */
async function login(port: number, user: string, pass: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  socket.write(
    `CONNECT ${JSON.stringify({ user, pass, verbose: false, pedantic: false, lang: "test", version: "0", protocol: 1 })}\r\nPING\r\n`,
  );
  try {
    return await eventually("an answer to CONNECT", 60_000, () => /^(PONG|-ERR .*)\r$/m.exec(text)?.[1]);
  } finally {
    socket.destroy();
  }
}

function refused(code: string, ...parts: (string | RegExp)[]): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof FrontsyncError, String(error));
    assert.equal(error.code, code, error.message);
    for (const part of parts) assert.match(error.message, new RegExp(part));
    return true;
  };
}

/** A process of its own that launches a server in `dir` and stays. */
async function parentOf(
  t: TestContext,
  dir: string,
): Promise<{ parent: ChildProcess; pid: number; port: number; group: number }> {
  const parent = spawn(process.execPath, [PARENT, binary, config(dir), dir], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => parent.kill("SIGKILL"));
  let line = "";
  parent.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    line += chunk;
  });
  await eventually("the parent has launched its server", 60_000, () => line.endsWith("\n"));
  const { pid, port } = JSON.parse(line) as { pid: number; port: number };
  return { parent, pid, port, group: groupOf(pid) };
}

describe("the embedded nats-server", { concurrency: true }, () => {
  before(async () => {
    binary = (await findNatsServer()).path;
  });

  it("takes any password, and lets in nobody else", async (t) => {
    const dir = temporaryFolder(t);
    const functionsPassword = `a"b\\'$HOME#{}()\n\r\t\0\u007f\u0085;, é😀\\x41`;
    const authPassword = `$PATH"}`;
    await using server = await launchNatsServer({ binary, dir, config: config(dir, { functionsPassword, authPassword }) });
    assert.equal(await login(server.port, "functions", functionsPassword), "PONG");
    assert.equal(await login(server.port, "auth", authPassword), "PONG");
    assert.match(await login(server.port, "functions", authPassword), /^-ERR 'Authorization Violation'/);
    assert.equal(statSync(join(dir, "nats-server.conf")).mode & 0o777, 0o600);
  });

  it("refuses options that the server would misread", () => {
    const bcrypt = "$2a$11$ooo";
    const wrong: Partial<NatsConfigOptions>[] = [
      { functionsPassword: "" },
      { authPassword: bcrypt },
      { authPassword: "\ud800" },
      { port: 65_536 },
      { port: 1.5 },
      { storeDir: "relative" },
      { listen: "" },
      { issuer: "A'" },
    ];
    for (const options of wrong) assert.throws(() => config("/nowhere", options), refused("BAD_CONFIG"), JSON.stringify(options));
  });

  it("starts on a free port, stops, and starts again on the same port with its folder", async (t) => {
    const dir = temporaryFolder(t);
    const lines: string[] = [];
    const first = await launchNatsServer({ binary, dir, config: config(dir), log: (line) => lines.push(line) });
    assert.ok(first.port > 0);
    assert.ok(lines.some((line) => line.includes("Server is ready")));
    assert.ok(first.recentLog().length <= 50);
    await first.stop();
    await first.stop();
    first.kill("SIGKILL");
    assert.equal((await first.exited).signal, null);
    await using second = await launchNatsServer({ binary, dir, config: config(dir, { port: first.port, sync: "default" }) });
    assert.equal(second.port, first.port);
    assert.notEqual(second.serverId, first.serverId);
  });

  it("is limited by the disk itself, not by a part of what is free when it starts", async (t) => {
    const dir = temporaryFolder(t);
    const lines: string[] = [];
    await using _server = await launchNatsServer({ binary, dir, config: config(dir), log: (line) => lines.push(line) });
    assert.match(lines.find((line) => line.includes("Max Storage")) ?? "", /: +1000\.00 TB$/);
  });

  it("gives up a connection that is silent, and keeps one that answers", async (t) => {
    const dir = temporaryFolder(t);
    // The same, twenty times as fast.
    const fast = config(dir).replace('ping_interval: "20s"', 'ping_interval: "1s"');
    assert.notEqual(fast, config(dir));
    await using server = await launchNatsServer({ binary, dir, config: fast });
    const greeting = JSON.stringify({ user: "functions", pass: "f", verbose: false, pedantic: false, protocol: 1 });
    const open = (answers: boolean) => {
      const socket = connect(server.port, "127.0.0.1");
      t.after(() => socket.destroy());
      const state = { closed: false, pings: 0 };
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        const pings = chunk.split("PING").length - 1;
        state.pings += pings;
        if (answers) socket.write("PONG\r\n".repeat(pings));
      });
      socket.on("error", () => {}).on("close", () => (state.closed = true));
      socket.write(`CONNECT ${greeting}\r\n`);
      return state;
    };
    const [silent, alive] = [open(false), open(true)];
    await eventually("it is given up", 60_000, () => silent.closed);
    await eventually("the other one is asked on", 60_000, () => alive.pings > silent.pings + 2);
    assert.equal(alive.closed, false);
  });

  it("runs many side by side on ports of their own", async (t) => {
    const dirs = Array.from({ length: 4 }, () => temporaryFolder(t));
    const servers = await Promise.all(dirs.map((dir) => launchNatsServer({ binary, dir, config: config(dir) })));
    assert.equal(new Set(servers.map((server) => server.port)).size, 4);
    await Promise.all(servers.map((server) => server.stop()));
  });

  it("names the port that is in use, and is not taken in by the server that answers there", async (t) => {
    const dir = temporaryFolder(t);
    const other = createServer((socket) => socket.end(`INFO {"server_id":"X","jetstream":true}\r\n`)).listen(0, "127.0.0.1");
    t.after(() => other.close());
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const start = launchNatsServer({ binary, dir, config: config(dir, { port }) });
    await assert.rejects(
      start,
      refused("BAD_CONFIG", `127\\.0\\.0\\.1:${port}`, "address already in use", "choose another port"),
    );
    assert.equal(
      processes().some(({ pid }) => pid === Number(readFileSync(join(dir, "nats-server.pid"), "utf8"))),
      false,
    );
  });

  it("tells the last lines of the log when it does not start", async (t) => {
    const dir = temporaryFolder(t);
    await assert.rejects(launchNatsServer({ binary, dir, config: "nonsense {{" }), refused("INTERNAL", "exit 1", "Parse error"));
    await assert.rejects(
      launchNatsServer({ binary: join(dir, "none"), dir, config: "" }),
      refused("INTERNAL", "exit 127", "not found|No such"),
    );
    const deaf = script(join(dir, "bin"), "nats-server", "trap '' TERM; echo I do not listen; while :; do sleep 0.1; done");
    const start = launchNatsServer({ binary: deaf, dir, config: "", startTimeoutMs: 3000 });
    await assert.rejects(start, refused("INTERNAL", "not ready after 3 s", "I do not listen"));
    const stopped = new AbortController();
    const unwanted = launchNatsServer({ binary: deaf, dir, config: "", signal: stopped.signal, log: () => stopped.abort() });
    await assert.rejects(unwanted, refused("INTERNAL", "not wanted any more", "I do not listen"));
    await assert.rejects(
      launchNatsServer({ binary: fakeServer(join(dir, "x"), "1.0.0"), dir, config: "" }),
      refused("INTERNAL", "exit 0"),
    );
    await assert.rejects(
      launchNatsServer({ binary, dir, config: 'host: "127.0.0.1"\nport: -1' }),
      refused("INTERNAL", "without JetStream"),
    );
  });

  it("tells how it ended when it is killed, and leaves nothing behind", async (t) => {
    const dir = temporaryFolder(t);
    const server = await launchNatsServer({ binary, dir, config: config(dir) });
    const group = groupOf(server.pid);
    assert.notEqual(group, groupOf(process.pid));
    process.kill(server.pid, "SIGKILL");
    assert.deepEqual(await server.exited, { code: null, signal: "SIGKILL" });
    await eventually("the guardian ends too", 60_000, () => groupIsGone(group));
    await using again = await launchNatsServer({ binary, dir, config: config(dir, { port: server.port }) });
    assert.equal(readdirSync(dir).filter((name) => name.endsWith(".ports")).length, 1);
    again.kill("SIGTERM");
    await again.exited;
  });

  it("ends with its guardian", async (t) => {
    const dir = temporaryFolder(t);
    const server = await launchNatsServer({ binary, dir, config: config(dir) });
    const group = groupOf(server.pid);
    process.kill(group, "SIGKILL"); // the guardian leads the group
    assert.deepEqual(await server.exited, { code: null, signal: "SIGKILL" });
    await eventually("the server ends, and the shell that watched this process", 60_000, () => groupIsGone(group));
  });

  it("ends with its parent's kill -9, also when it is too stuck for a TERM", async (t) => {
    for (const stuck of [false, true]) {
      const { parent, pid, group } = await parentOf(t, temporaryFolder(t));
      if (stuck) process.kill(pid, "SIGSTOP");
      parent.kill("SIGKILL");
      await eventually("no process of it is left", 60_000, () => groupIsGone(group));
    }
  });

  it("is waited for when its parent was killed and the next one starts in its folder", async (t) => {
    const dir = temporaryFolder(t);
    const { parent, pid } = await parentOf(t, dir);
    process.kill(pid, "SIGSTOP");
    parent.kill("SIGKILL");
    await using server = await launchNatsServer({ binary, dir, config: config(dir) });
    assert.equal(
      processes().some((one) => one.pid === pid),
      false,
    );
    assert.notEqual(server.pid, pid);
  });

  it("does not start beside one that stays in its folder", async (t) => {
    const dir = temporaryFolder(t);
    await using server = await launchNatsServer({ binary, dir, config: config(dir) });
    const alias = join(temporaryFolder(t), "alias");
    symlinkSync(dir, alias);
    await assert.rejects(
      launchNatsServer({ binary, dir: alias, config: config(dir) }),
      refused("DIR_IN_USE", `pid ${server.pid}`),
    );
    assert.equal(await login(server.port, "functions", "f"), "PONG");
  });

  it("does not get the Ctrl-C of its parent's terminal", async (t) => {
    const { parent, pid, port, group } = await parentOf(t, temporaryFolder(t));
    process.kill(-(parent.pid ?? 0), "SIGINT"); // as a terminal does: the whole foreground group
    assert.equal(await login(port, "functions", "f"), "PONG");
    assert.notEqual(groupOf(pid), parent.pid);
    parent.kill("SIGTERM");
    await eventually("it ends with its parent", 60_000, () => groupIsGone(group));
  });
});
