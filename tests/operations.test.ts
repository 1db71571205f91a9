// Goal: an operator who types what docs/operations.md shows gets what it says. Method: every block of commands is run, in order, in a temporary
// root. Those that need systemd as PID 1 are marked and listed; in their stead the unit that they start is checked, and what it starts is run.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connectBus } from "../bus/index.ts";
import { blocksOf } from "./support/blocks.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { bareMachine, type Machine, ROOT } from "./support/operations.ts";

const START_MS = 180_000;
/** Run by tests/docs.test.ts. */
const ELSEWHERE = ["backup", "seed", "fuse", "rescue", "reseed"];
const SYSTEMCTL = /^systemctl (daemon-reload|enable --now|reload|restart)(?: (frontsync-\w+))?$/;
/** Services whose command is run in the place of systemd; the others' units are checked. */
const RUN = ["frontsync-datastore", "frontsync-webserver"];

const document = readFileSync(join(ROOT, "docs/operations.md"), "utf8");
const blocks = blocksOf(document)
  .filter(({ info }) => info.startsWith("sh "))
  .map(({ info, text }) => ({ tags: info.split(" ").slice(1), commands: text }));

test("every block of commands in docs/operations.md is run somewhere, or marked as systemd's", (t) => {
  assert.deepEqual(
    blocksOf(document).filter(({ info }) => info !== "" && !info.startsWith("sh ")),
    [],
  );
  assert.ok(blocks.filter(({ tags }) => tags[0] === "setup").length >= 10);
  for (const { tags, commands } of blocks) {
    assert.ok(
      ["setup", "outbox"].includes(tags[0] ?? "") || ELSEWHERE.includes(tags[0] ?? ""),
      `\`\`\`sh ${tags.join(" ")}\n${commands}`,
    );
    if (tags[1] === "systemd") for (const line of commands.trim().split("\n")) assert.match(line, SYSTEMCTL);
    else assert.doesNotMatch(commands, /systemctl/);
  }
  const marked = blocks.filter(({ tags }) => tags[1] === "systemd").map(({ commands }) => commands.trim().replaceAll("\n", "; "));
  for (const commands of marked) t.diagnostic(`needs systemd as PID 1: ${commands}`);
});

test("docs/operations.md leads from a bare machine to a deployment", async (t) => {
  const machine = await bareMachine(temporaryFolder(t));
  const services = new Map<string, Service>();
  for (const { commands, tags } of blocks.filter(({ tags: [first] }) => first === "setup")) {
    if (tags[1] === "systemd") for (const line of commands.trim().split("\n")) await systemctl(t, line, machine, services);
    else await machine.run(commands).catch((error: Error) => assert.fail(`${commands}\n${error.message}`));
  }
  assert.deepEqual([...services.keys()], RUN);
  await lookAtWebserver(machine);
  // The datastore was started before them.
  for (const service of [...services.values()].reverse()) await service.stop();
});

test("what docs/operations.md says of an outbox can be typed", async (t) => {
  const machine = await bareMachine(temporaryFolder(t));
  await machine.run("ln -s /opt/frontsync/dist/scripts/frontsync.js /usr/local/bin/frontsync");
  const bus = await connectBus({ datastore: "127.0.0.1:1", webserver: "web1", dir: machine.here("/var/lib/web1") });
  await bus.close();
  for (const { commands } of blocks.filter(({ tags: [first] }) => first === "outbox")) await machine.run(commands);
});

/** It has come through the datastore's restart, is healthy, and lets the admin in with the password of the document. */
async function lookAtWebserver({ here, webPort }: Machine): Promise<void> {
  const ask = async (method: string, path: string, body = ""): Promise<string> => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const asked = request({ port: webPort, path, method, headers, rejectUnauthorized: false }).end(body);
    const [answer] = (await once(asked, "response")) as [AsyncIterable<Uint8Array>];
    let text = "";
    for await (const chunk of answer) text += Buffer.from(chunk).toString();
    return text;
  };
  await eventually("it is in step", START_MS, async () => (await ask("GET", "/api/health")).includes('"state":"synced"'));
  const Pass = readFileSync(here("/etc/frontsync/admin-password"), "utf8").trim();
  assert.match(await ask("POST", "/api/login", JSON.stringify({ User: "admin", Pass })), /"LoginStatus":true/);
}

interface Service {
  reload(): void;
  stop(): Promise<void>;
}

/** What systemd would do. */
async function systemctl(t: TestContext, line: string, machine: Machine, services: Map<string, Service>): Promise<void> {
  const [, action, name] = SYSTEMCTL.exec(line) ?? [];
  if (name === undefined) return;
  const file = join(machine.root, `etc/systemd/system/${name}.service`);
  assert.ok(existsSync(file), `${line}: its unit was copied before`);
  if (!RUN.includes(name)) return t.diagnostic(`its command is not run here: ${name}`);
  if (action === "reload") return services.get(name)?.reload();
  if (action === "restart") await services.get(name)?.stop();
  const env = name === "frontsync-webserver" ? { GRAVWELL_WEB_PORT: String(machine.webPort) } : {};
  services.set(name, await startService(t, readFileSync(file, "utf8"), { ...machine, env: { ...machine.env, ...env } }));
}

async function startService(t: TestContext, unit: string, { env, here, root }: Machine): Promise<Service> {
  const command = /^ExecStart=(.*)$/m.exec(unit)?.[1] as string;
  const child = spawn("bash", ["-c", `exec ${here(command)}`], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      printed += chunk;
    });
  }
  await eventually(command, START_MS, () => {
    assert.equal(child.exitCode, null, printed);
    return /^Running until/m.test(printed);
  });
  return {
    reload: () => void child.kill("SIGHUP"),
    async stop() {
      const ended = once(child, "close");
      child.kill("SIGTERM");
      assert.deepEqual(await ended, [0, null], printed);
    },
  };
}
