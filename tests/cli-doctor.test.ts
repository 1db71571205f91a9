// Goal: whoever runs a deployment is told what is wrong with it, and a script by the exit code; one fault hides no other. Method: the command beside a
// deployment of its own, with a wrong secret, without a datastore, with a file that can't be read; webservers' states as a datastore tells them.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { peerFindings } from "../scripts/support/doctor/deployment.ts";
import { natsServerFinding, nodeFinding } from "../scripts/support/doctor/machine.ts";
import type { Finding } from "../scripts/support/doctor/run.ts";
import { figures, frontsync } from "./support/command.ts";
import { deploy } from "./support/deployment.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";

interface Told {
  ok: boolean;
  findings: Finding[];
}

const doctor = async (...args: string[]) => await figures<Told>("doctor", ...args);
const stateOf = ({ findings }: Told, name: string) => findings.filter(({ about }) => about === name).map(({ state }) => state);

test("a deployment that does well has no faults; what it warns of is told", async () => {
  await using deployment = await deploy({ webservers: 1, bus: { updateInterval: 0.2 } });
  const { address } = deployment.datastore;
  const file = join(deployment.dir, "gravwell.conf");
  writeFileSync(file, `[Global]\nDatastore = ${address}\nWebserver-Dir = ${join(deployment.dir, "web1")}\n`);
  const told = await eventually("web1 has said that it is synced", 60_000, async () => {
    const now = await doctor("--config", file);
    return stateOf(now, "web1")[0] === "good" && now;
  });
  assert.deepEqual([told.code, told.ok, told.stderr], [0, true, ""]);
  assert.deepEqual([stateOf(told, "node"), stateOf(told, "settings"), stateOf(told, "disk").length], [["good"], ["good"], 1]);
  assert.deepEqual(stateOf(told, "datastore"), ["good", "warning"]);
  assert.equal(told.findings.find(({ state, about }) => about === "datastore" && state === "warning")?.code, "DEFAULT_PASSWORD");
  const { code, stdout } = await frontsync("doctor", "--datastore", address);
  assert.match(stdout, /^good +node +\d+\..*\n[\s\S]*\n\n0 faults, \d+ warnings?\.\n$/);
  assert.equal(code, 0);

  const secret = join(deployment.dir, "secret");
  writeFileSync(secret, "not the one\n");
  const refused = await doctor("--datastore", address, "--control-auth-file", secret);
  assert.deepEqual([refused.code, refused.ok, refused.findings.at(-1)?.code], [1, false, "AUTH_REFUSED"]);
});

test("what is wrong is told, whatever else is", async (t) => {
  const nobody = await doctor("--datastore", "127.0.0.1:1");
  assert.deepEqual([nobody.code, nobody.ok, nobody.stderr], [1, false, ""]);
  assert.deepEqual([stateOf(nobody, "node"), nobody.findings.at(-1)?.code], [["good"], "DATASTORE_UNREACHABLE"]);
  const file = join(temporaryFolder(t), "gravwell.conf");
  writeFileSync(file, "[Global]\nDatastor = here\n");
  const unread = await doctor("--config", file);
  assert.deepEqual([unread.code, unread.findings.at(-1)?.code, stateOf(unread, "settings")], [1, "BAD_CONFIG", ["bad"]]);
  assert.match(unread.findings.at(-1)?.message ?? "", /gravwell\.conf:2/);
});

test("a machine and its webservers are judged by what must be so", async (t) => {
  const { signal } = new AbortController();
  assert.deepEqual([nodeFinding("20.9.0").state, nodeFinding("18.20.1").state], ["good", "bad"]);
  const none = { PATH: "", HOME: temporaryFolder(t), XDG_CACHE_HOME: temporaryFolder(t), TMPDIR: temporaryFolder(t) };
  assert.equal((await natsServerFinding(signal, none)).state, "warning");
  assert.equal((await natsServerFinding(signal, { ...none, NATS_SERVER: "/nowhere" })).state, "bad");
  const peer = {
    webserver: "web1",
    externalAddr: "web1:443",
    version: "0.1.0",
    cursor: 1,
    state: "synced" as const,
    seenMsAgo: 5,
  };
  const states = (more: object) => peerFindings({ ...peer, ...more }).map(({ state }) => state);
  assert.deepEqual(states({}), ["good"]);
  assert.deepEqual(states({ state: "held" }), ["bad"]);
  assert.deepEqual(states({ state: "catching-up", deadLetters: 2, version: "9.9.9" }), ["warning", "warning", "warning"]);
});
