// Goal: the units start on boot, tell when they serve, run as users of their own, and may do little else. Method: systemd's own tools look at
// them; systemd-notify is really run, with a socket that a few lines of Python read.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { START_TIMEOUT_MS as NATS_SERVER_MS } from "../functions/nats-server/launch.ts";
import { START_TIMEOUT_MS as COMMAND_MS } from "../scripts/support/start-datastore.ts";
import { serviceOf } from "../scripts/support/systemd.ts";
import { eventually, script, temporaryFolder } from "./support/nats-server-kit.ts";
import { ROOT } from "./support/operations.ts";

const FOLDER = join(ROOT, "deploy/systemd");
const UNITS = readdirSync(FOLDER);
/** systemd-analyze rates a unit from 0 (may do nothing) to 100; one without any restriction has 96. */
const EXPOSURE = 25;
const TIMEOUT_MS = 60_000;
const has = (program: string) => spawnSync(program, ["--version"], { timeout: TIMEOUT_MS }).status === 0;
const noAnalyze = has("systemd-analyze") ? false : "systemd-analyze is not installed: apt-get install systemd";
const noPython = has("systemd-notify") && has("python3") ? false : "systemd-notify or python3 is not installed";

const RECEIVER = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening", flush=True)
while True:
    print(s.recv(4096).decode().replace("\\n", " "), flush=True)
`;

describe("the units", () => {
  test("are those of the three services", () => {
    assert.deepEqual(UNITS.sort(), [
      "frontsync-datastore.service",
      "frontsync-loadbalancer.service",
      "frontsync-webserver.service",
    ]);
  });

  test("give a datastore the time that it gives nats-server to open a large store", () => {
    const unit = readFileSync(join(FOLDER, "frontsync-datastore.service"), "utf8");
    const minutes = Number(/^TimeoutStartSec=(\d+)min$/m.exec(unit)?.[1]);
    assert.ok(minutes * 60_000 > COMMAND_MS && COMMAND_MS > NATS_SERVER_MS && NATS_SERVER_MS >= 600_000);
  });

  for (const unit of UNITS) {
    const name = unit.replace(/^frontsync-|\.service$/g, "");
    const text = readFileSync(join(FOLDER, unit), "utf8");

    test(`${unit} is right (systemd-analyze verify), and restricted (security)`, { skip: noAnalyze }, (t) => {
      const folder = temporaryFolder(t);
      const file = join(folder, unit);
      const command = script(folder, "frontsync", ":");
      writeFileSync(file, text.replaceAll("/usr/local/bin/frontsync", command));
      const verified = spawnSync("systemd-analyze", ["verify", "--man=no", file], { encoding: "utf8", timeout: TIMEOUT_MS });
      assert.deepEqual([verified.status, ours(verified.stderr, unit)], [0, ""]);
      const rated = spawnSync("systemd-analyze", ["security", "--offline=yes", `--threshold=${EXPOSURE}`, "--no-pager", file], {
        encoding: "utf8",
        timeout: TIMEOUT_MS,
      });
      assert.equal(rated.status, 0, rated.stdout + rated.stderr);
    });

    test(`${unit} starts on boot and again, tells when it serves, and has a user that there is`, () => {
      for (const line of [
        "Type=notify",
        "NotifyAccess=all",
        "Restart=always",
        "WantedBy=multi-user.target",
        `User=frontsync-${name}`,
        `StateDirectory=frontsync/${name}`,
      ])
        assert.ok(text.includes(`\n${line}\n`), line);
      assert.match(readFileSync(join(ROOT, "deploy/sysusers.conf"), "utf8"), new RegExp(`^u frontsync-${name} `, "m"));
      assert.match(text, new RegExp(`^ExecStart=/usr/local/bin/frontsync ${name} --config /etc/frontsync/`, "m"));
    });
  }
});

test("systemd is really told", { skip: noPython }, async (t) => {
  const socket = join(temporaryFolder(t), "notify");
  const receiver = spawn("python3", ["-c", RECEIVER, socket], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => receiver.kill("SIGKILL"));
  let told = "";
  receiver.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    told += chunk;
  });
  const says = (what: string) => eventually(what, 20_000, () => told.includes(what));
  await says("listening");
  const service = serviceOf({ ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: "300000" });
  await service.ready("serving here");
  await says("READY=1");
  await says("STATUS=serving here");
  await says("WATCHDOG=1");
  await service.stopping();
  await says("STOPPING=1");
});

test("outside of systemd nobody is told, and a fault of systemd-notify ends nothing", async () => {
  await serviceOf({}).ready("x");
  await serviceOf({ ...process.env, NOTIFY_SOCKET: "/nowhere" }).stopping();
});

/** What is said of this unit; a machine's other units have faults of their own. */
function ours(text: string, unit: string): string {
  return text
    .split("\n")
    .filter((line) => line.includes(unit))
    .join("\n");
}
