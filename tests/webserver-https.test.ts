// Goal: a webserver with a certificate sends to HTTPS who comes over HTTP, and takes a renewed certificate while it runs: new connections see it, those that are
// there go on. Method: webservers without a datastore, in the test's process and as the built command; certificates made by openssl.
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { Agent } from "node:https";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startLoadbalancer } from "../apps/loadbalancer/index.ts";
import { startWebserver, type Webserver, type WebserverOptions } from "../apps/webserver/index.ts";
import { connectBus } from "../bus/index.ts";
import { raw } from "./support/balancers.ts";
import { type Certificate, makeAuthority, makeCertificate } from "./support/certificates.ts";
import { getSecure } from "./support/https.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { firstLine, running } from "./support/running.ts";

const WAIT_MS = 60_000;
const NAMES = ["IP:127.0.0.1"];
/** Needs no login, and no datastore. */
const PATH = "/api/test";

interface Certificates {
  folder: string;
  /** Who has signed them. */
  ca: string;
  files: Certificate;
  renewed: Certificate;
}

function certificates(t: TestContext): Certificates {
  const folder = temporaryFolder(t);
  const authority = makeAuthority(folder, "authority");
  const [files, renewed] = [
    makeCertificate(folder, "web", authority, NAMES),
    makeCertificate(folder, "renewed", authority, NAMES),
  ];
  return { folder, ca: readFileSync(authority.certificateFile, "utf8"), files, renewed };
}

function open(folder: string, more: Partial<WebserverOptions>): Promise<Webserver> {
  return startWebserver({
    ...{ datastore: "127.0.0.1:1", webserver: "web1", dir: join(folder, "web1"), externalAddr: "web1.test", port: 0 },
    ...more,
  });
}

/** Keeps its one connection. */
function keeping(t: TestContext): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  return agent;
}

test("who comes over HTTP is sent to HTTPS, with whatever was asked, and nothing else is answered there", async (t) => {
  const { folder, ca, files } = certificates(t);
  await using webserver = await open(folder, { ...files, redirectPort: 0 });
  const [{ port }, http] = [new URL(webserver.address), webserver.redirectAddress ?? ""];
  for (const method of ["GET", "POST"]) {
    const sent = await fetch(`${http}/api/dashboards?limit=1`, { method, redirect: "manual" });
    assert.deepEqual([sent.status, sent.headers.get("location")], [308, `https://127.0.0.1:${port}/api/dashboards?limit=1`]);
  }
  const named = await raw(http, "GET / HTTP/1.1\r\nHost: web1.example.com:80\r\nConnection: close\r\n\r\n");
  assert.match(named, new RegExp(`^location: https://web1\\.example\\.com:${port}/\r$`, "m"));
  assert.match(await raw(http, "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n"), /^HTTP\/1\.1 400 /);
  const behind = await fetch(http, { redirect: "manual", headers: { "x-forwarded-proto": "https" } });
  assert.equal(behind.status, 508, "a proxy in front that would come again and again");
  assert.equal((await getSecure(`${webserver.address}${PATH}`, ca)).status, 200);
  await webserver.close();
  await assert.rejects(fetch(http, { redirect: "manual" }));
});

test("a renewed certificate is shown to new connections, and those that are there go on", async (t) => {
  const { folder, ca, files, renewed } = certificates(t);
  // By a name for which a machine may have two addresses.
  await using webserver = await open(folder, { ...files, listen: "localhost" });
  const url = `https://127.0.0.1:${new URL(webserver.address).port}${PATH}`;
  const agent = keeping(t);
  const before = await getSecure(url, ca, { agent });

  assert.equal(webserver.renewCertificate(), false, "it is the same");
  copyFileSync(renewed.certificateFile, files.certificateFile);
  assert.throws(() => webserver.renewCertificate(), { code: "BAD_CONFIG", message: /must be PEM files that belong together/ });
  assert.equal((await getSecure(url, ca)).serial, before.serial, "what does not belong together is not taken");
  copyFileSync(renewed.keyFile, files.keyFile);
  assert.equal(webserver.renewCertificate(), true);

  const [kept, after] = [await getSecure(url, ca, { agent }), await getSecure(url, ca)];
  assert.deepEqual([kept.status, kept.reused, kept.serial], [200, true, before.serial]);
  assert.deepEqual([after.status, after.serial === before.serial], [200, false]);
});

test("a webserver without a certificate has nothing to renew, and sends nobody anywhere", async (t) => {
  await using webserver = await open(temporaryFolder(t), {});
  assert.deepEqual([webserver.redirectAddress, webserver.renewCertificate()], [undefined, false]);
});

test("what can't be served is refused, and nothing of it stays", async (t) => {
  const { folder, files, renewed } = certificates(t);
  await using other = await open(join(folder, "other"), { ...files, redirectPort: 0 });
  const taken = Number(new URL(other.redirectAddress ?? "").port);
  const mixed = { keyFile: files.keyFile, certificateFile: renewed.certificateFile };
  const refused: [Partial<WebserverOptions>, RegExp][] = [
    [{ redirectPort: 0 }, /`redirectPort` sends users to HTTPS: it needs `keyFile` and `certificateFile`/],
    [{ ...files, redirectPort: 70_000 }, /`redirectPort` must be a whole number/],
    [
      { ...files, redirectPort: taken, drainSeconds: 3600 },
      /^The redirection to HTTPS \(`redirectPort`\) can't listen on 127\.0\.0\.1/,
    ],
    [mixed, /must be PEM files that belong together/],
    [{ keyFile: files.keyFile }, /`certificateFile` is missing/],
  ];
  for (const [bad, message] of refused) await assert.rejects(open(folder, bad), { code: "BAD_CONFIG", message });
  // A folder has one bus: it would still be open.
  await using _again = await open(folder, files);

  const [dir, datastore] = [join(folder, "balancer"), "127.0.0.1:1"];
  await assert.rejects(startLoadbalancer({ dir, port: 0, bus: { datastore }, ...mixed }), { code: "BAD_CONFIG" });
  await using _bus = await connectBus({ datastore, webserver: "balancer", dir: join(dir, "bus") });
});

test("as a command: the settings of the load balancer, and SIGHUP", async (t) => {
  const { folder, ca, files, renewed } = certificates(t);
  const file = join(folder, "frontsync.conf");
  const text = `[Global]
Datastore = 127.0.0.1:1
External-Addr = web1.test
Webserver-Dir = web1
Web-Listen-Address = 127.0.0.1
Web-Port = 0
HTTP-Redirector-Port = 0
Key-File = web.key
Certificate-File = web.pem
`;
  writeFileSync(file, text);
  const command = running(t, ["webserver", "--config", file]);
  const { address, redirectAddress } = await firstLine<{ address: string; redirectAddress: string }>(command);
  const sent = await fetch(`${redirectAddress}/x`, { redirect: "manual" });
  assert.deepEqual([sent.status, sent.headers.get("location")], [308, `${address}/x`]);
  const agent = keeping(t);
  const before = await getSecure(`${address}${PATH}`, ca, { agent });

  const reloads = () => command.lines().filter(({ event }) => event === "reloaded");
  copyFileSync(renewed.keyFile, files.keyFile);
  command.child.kill("SIGHUP");
  await eventually("what is half done is told", WAIT_MS, () => /BAD_CONFIG: .*belong together/.test(command.notes()));
  copyFileSync(renewed.certificateFile, files.certificateFile);
  writeFileSync(file, `${text}Log-Level = error\nDisable-HTTP-Redirector = true\n`);
  command.child.kill("SIGHUP");
  await eventually("it has been read again", WAIT_MS, () => reloads().length === 1);
  assert.deepEqual(reloads()[0], {
    event: "reloaded",
    changed: ["Log-Level", "Certificate-File"],
    needRestart: ["Disable-HTTP-Redirector"],
  });
  const [kept, after] = [await getSecure(`${address}${PATH}`, ca, { agent }), await getSecure(`${address}${PATH}`, ca)];
  assert.deepEqual([kept.status, kept.reused], [200, true]);
  assert.notEqual(after.serial, before.serial);
  command.child.kill("SIGTERM");
  assert.equal(await command.ended, 0);
});
