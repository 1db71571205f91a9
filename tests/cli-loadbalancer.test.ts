// Goal: `frontsync loadbalancer` as a service: it says when it serves and who comes and goes, takes at SIGHUP what may change, and at SIGTERM lets those in front of it
// notice before it ends. Method: the built command with a configuration file, in front of a stand-in for a webserver; a stand-in for systemd-notify.
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { standIn } from "./support/balancers.ts";
import { makeAuthority, makeCertificate } from "./support/certificates.ts";
import { frontsync } from "./support/command.ts";
import { getSecure } from "./support/https.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { type Running, running } from "./support/running.ts";
import { systemdTold } from "./support/systemd-told.ts";

const WAIT_MS = 60_000;
const HEALTH = "/loadbalancer/health";

interface Started {
  address: string;
  statusAddress: string;
  redirectAddress: string;
}

/** The lines of one kind that it has printed. */
const said = ({ lines }: Running, what: string) => lines().filter(({ event }) => event === what);

async function started(balancer: Running): Promise<Started> {
  await eventually("it has started, and webservers have come", WAIT_MS, () => {
    assert.equal(balancer.child.exitCode, null, balancer.notes());
    return said(balancer, "started").length === 1 && said(balancer, "joined").length === 1;
  });
  return said(balancer, "started")[0] as unknown as Started;
}

test("a load balancer as a service: it serves, reloads, drains and ends", async (t) => {
  const folder = temporaryFolder(t);
  const authority = makeAuthority(folder, "authority");
  const ca = readFileSync(authority.certificateFile, "utf8");
  const files = makeCertificate(folder, "balancer", authority, ["IP:127.0.0.1"]);
  const slow: ServerResponse[] = [];
  const web1 = await standIn(t, "web1", (request, response) => {
    if (request.url === "/slow") slow.push(response);
    else response.end("web1");
  });
  const file = join(folder, "loadbalancer.conf");
  const configure = (more = "") =>
    writeFileSync(
      file,
      `[Global]
Disable-Datastore = true
Bind-Addr = 127.0.0.1
Web-Port = 0
HTTP-Redirector-Port = 0
Loadbalancer-Status-Address = 127.0.0.1:0
Loadbalancer-Dir = data
Key-File = balancer.key
Certificate-File = balancer.pem
Drain-Seconds = 1
${more}
[Override "web1"]
Webserver = ${web1.address}
Insecure-Disable-HTTPS = true
`,
    );
  configure();
  const told = systemdTold(folder);
  const balancer = running(t, ["loadbalancer", "--config", file, "--drain-seconds", "3600"], told.env);
  const { address, statusAddress, redirectAddress } = await started(balancer);
  const ask = (path: string) => getSecure(`${address}${path}`, ca);
  await told.says(new RegExp(`^--ready --status=serving on ${address}$`, "m"));
  await told.says(/^WATCHDOG=1$/m);
  const [joined] = said(balancer, "joined");
  assert.deepEqual([joined?.webserver, joined?.at], ["web1", web1.address]);
  const first = await ask("/x");
  assert.deepEqual([first.status, first.text], [200, "web1"]);
  assert.equal((await ask(HEALTH)).text, '{"ready":true}');
  const status = (await (await fetch(`${statusAddress}/status`)).json()) as { datastore: unknown; webservers: unknown[] };
  assert.deepEqual([status.datastore, status.webservers.length], [null, 1]);
  const sent = await fetch(`${redirectAddress}/x`, { redirect: "manual" });
  assert.deepEqual([sent.status, sent.headers.get("location")], [308, `${address}/x`]);

  // SIGHUP: what may change is taken, the rest is named, and a file with a fault changes nothing.
  const renewed = makeCertificate(folder, "renewed", authority, ["IP:127.0.0.1"]);
  copyFileSync(renewed.keyFile, files.keyFile);
  copyFileSync(renewed.certificateFile, files.certificateFile);
  configure("Log-Level = debug\nEnable-Access-Log = true");
  balancer.child.kill("SIGHUP");
  await eventually("the settings are read again", WAIT_MS, () => said(balancer, "reloaded").length === 1);
  const reloaded = { event: "reloaded", changed: ["Log-Level", "Certificate-File"], needRestart: ["Enable-Access-Log"] };
  assert.deepEqual(said(balancer, "reloaded")[0], reloaded);
  assert.notEqual((await ask("/x")).serial, first.serial);
  configure("Log-Level = loud");
  balancer.child.kill("SIGHUP");
  await eventually("the fault is told", WAIT_MS, () =>
    /BAD_CONFIG: [^\n]*loadbalancer\.conf:11: Log-Level/.test(balancer.notes()),
  );
  assert.equal((await ask("/x")).status, 200);

  // SIGTERM: its health is bad, and whoever has not noticed yet is served, for as long as it was told.
  balancer.child.kill("SIGTERM");
  const health = await eventually("its health says so", WAIT_MS, async () => {
    const answer = await ask(HEALTH);
    return answer.status === 503 && answer.text;
  });
  assert.equal(health, '{"ready":false,"reason":"it is stopping"}');
  const late = await ask("/x");
  assert.deepEqual([late.status, late.text, late.headers.connection], [200, "web1", "close"]);
  await told.says(/^STOPPING=1$/m);
  assert.equal(balancer.child.exitCode, null);
  balancer.child.kill("SIGINT");
  assert.equal(await balancer.ended, 130, "a Ctrl-C after it ends it at once");

  // The same with an end: what is under way is finished.
  configure();
  const second = running(t, ["loadbalancer", "--config", file]);
  const again = await started(second);
  const underway = getSecure(`${again.address}/slow`, ca);
  await eventually("a slow answer is under way", WAIT_MS, () => slow.length === 1);
  second.child.kill("SIGTERM");
  await eventually("it is stopping", WAIT_MS, () =>
    getSecure(`${again.address}${HEALTH}`, ca).then(
      (answer) => answer.status === 503,
      () => true,
    ),
  );
  slow[0]?.end("whole");
  assert.equal((await underway).text, "whole");
  assert.equal(await second.ended, 0);
  assert.deepEqual(second.lines().at(-1), { event: "stopped" });
});

test("a load balancer that can't start says why, and ends with 1", async (t) => {
  const args = ["--disable-datastore", "--dir", join(temporaryFolder(t), "data")];
  const none = await frontsync("loadbalancer", ...args, "--listen", "127.0.0.1");
  assert.deepEqual([none.code, none.stdout], [1, ""]);
  assert.match(none.stderr, /^frontsync: BAD_CONFIG: There are no webservers/);
  const open = await frontsync("loadbalancer", ...args);
  assert.match(
    open.stderr,
    /^frontsync: BAD_CONFIG: On 0\.0\.0\.0 users are served over HTTPS: set Key-File and Certificate-File/,
  );
});
