// Goal: a webserver withstands slow, huge and crooked requests, tells a load balancer the truth, and ends cleanly. Method: bytes written on plain
// sockets, since no client library sends such things; a certificate made for the test; the built command, with signals.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import Fastify from "fastify";
import { startWebserver, type Webserver } from "../apps/webserver/index.ts";
import { limitBodies } from "../apps/webserver/slow.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { codeOf } from "./support/refusals.ts";
import { Client, type Web, webservers } from "./support/webservers.ts";

const COMMAND = fileURLToPath(new URL("../scripts/frontsync.js", import.meta.url));
const END_MS = 60_000;

/** What a server answers to these bytes until it closes the connection. */
async function answerTo(address: string, ...parts: string[]): Promise<string> {
  const { hostname, port } = new URL(address);
  const socket = connect({ host: hostname, port: Number(port) });
  let answer = "";
  socket.setEncoding("latin1").on("data", (text: string) => (answer += text));
  socket.on("error", () => {});
  const closed = once(socket, "close");
  await once(socket, "connect");
  for (const part of parts) socket.write(part);
  const timer = setTimeout(() => socket.destroy(), END_MS);
  await closed;
  clearTimeout(timer);
  return answer;
}

describe("a webserver", { concurrency: 2 }, () => {
  let web: Web;
  let server: Webserver;
  let client: Client;
  before(async () => {
    web = await webservers(1);
    [server] = web.servers as [Webserver];
    await web.user("anna");
    client = new Client(server);
    await client.login("anna");
  });
  after(() => web[Symbol.asyncDispose]());

  it("closes a connection whose headers do not come", async () => {
    assert.match(await answerTo(server.address, "GET /api/test HTTP/1.1\r\nHost: x\r\nX-Slow: "), /^HTTP\/1\.1 408 /);
  });

  it("does not wait for ever for a body", async () => {
    const app = Fastify();
    limitBodies(app, 200);
    app.post("/", async () => "done");
    const address = await app.listen({ port: 0 });
    try {
      const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";
      assert.match(await answerTo(address, head, '{"a":'), /^HTTP\/1\.1 408 /);
      const quick = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
      await eventually("a quick one is read", END_MS, async () => (await (await fetch(address, quick)).text()) === "done");
    } finally {
      await app.close();
    }
  });

  it("refuses what is too large, with or without a length, and what is no HTTP", async () => {
    const big = { name: "big", data: "x".repeat(9 * 1024 * 1024) };
    assert.deepEqual((await client.ask("POST", "/api/dashboards", big)).body.code, "TOO_LARGE");
    const document = { name: "big", data: "x".repeat(5 * 1024 * 1024) };
    assert.deepEqual((await client.ask("POST", "/api/dashboards", document)).body.code, "TOO_LARGE");
    for (const path of ["/api/resources/x/raw", "/api/backup"])
      assert.deepEqual((await client.ask("POST", path, big)).body.code, "TOO_LARGE", "as JSON it is no upload");
    assert.equal((await client.ask("POST", "/api/login", { User: "x".repeat(20_000), Pass: "x" })).status, 413);
    const chunk = `${(1 << 20).toString(16)}\r\n${"x".repeat(1 << 20)}\r\n`;
    const head = "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert.match(await answerTo(server.address, head, chunk, chunk), /^HTTP\/1\.1 413 /);
    assert.match(
      await answerTo(server.address, `GET /api/test HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(40_000)}\r\n\r\n`),
      /^HTTP\/1\.1 431 /,
    );
    assert.match(await answerTo(server.address, "\x16\x03\x01 hello\r\n\r\n"), /^HTTP\/1\.1 400 /);
    const both = "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert.match(await answerTo(server.address, both), /^HTTP\/1\.1 400 /);
    assert.equal((await client.ask("GET", "/api/test")).status, 200, "and goes on");
  });

  it("lets no path lead out of its routes", async () => {
    for (const path of [
      "/../../etc/passwd",
      "/api/../../etc/passwd",
      "/api/dashboards/../users",
      "/api/dashboards/..%2f..%2fetc%2fpasswd",
      "/api/resources/%2e%2e%2f%2e%2e%2fetc%2fpasswd/raw",
      "/api/resources/..\\..\\etc/raw",
      "/api/resources/%00/raw",
      "/api/%zz",
      "//api//users",
      "http://evil.example/api/users",
      "/api/users/1/../../signingkeys",
    ]) {
      const answer = await answerTo(server.address, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 40[014] /, path);
      assert.ok(!answer.includes("root:"), path);
    }
  });

  it("tells browsers to be careful", async () => {
    for (const path of ["/api/test", "/api/users", "/nothing", "/api/%zz"]) {
      const { headers } = await new Client(server).ask("GET", path);
      assert.equal(headers.get("x-content-type-options"), "nosniff", path);
      assert.match(headers.get("content-security-policy") ?? "", /default-src 'none'/, path);
      assert.equal(headers.get("cache-control"), "no-store", path);
      assert.equal(headers.get("strict-transport-security"), null, path);
      assert.equal(headers.get("access-control-allow-origin"), null, path);
    }
  });

  it("limits how often one address may try a password", async () => {
    const few = await web.open("few", { loginsPerMinute: 2 });
    const tries = [];
    for (let n = 0; n < 3; n++) tries.push(await new Client(few).ask("POST", "/api/login", { User: "nobody", Pass: "x" }));
    assert.deepEqual(
      tries.map(({ status }) => status),
      [422, 422, 429],
    );
    assert.equal(tries[2]?.body.code, "TOO_MANY_REQUESTS");
    assert.ok(Number(tries[2]?.headers.get("retry-after")) > 0);
  });

  it("speaks HTTPS alone with a certificate, and then its cookies are Secure", async (t) => {
    const dir = temporaryFolder(t);
    const [keyFile, certificateFile] = [join(dir, "key.pem"), join(dir, "cert.pem")];
    const made = spawnSync("openssl", [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-subj",
      "/CN=localhost",
      "-addext",
      "subjectAltName=IP:127.0.0.1",
      "-days",
      "2",
      "-keyout",
      keyFile,
      "-out",
      certificateFile,
    ]);
    if (made.error) return t.skip("there is no openssl to make a certificate with");
    const secure = await web.open("secure", { keyFile, certificateFile });
    assert.match(secure.address, /^https:/);
    const body = JSON.stringify({ User: "admin", Pass: "changeme" });
    const headers = { "content-type": "application/json", "content-length": body.length };
    const asked = request(`${secure.address}/api/login`, { method: "POST", headers, ca: readFileSync(certificateFile) }).end(
      body,
    );
    const [answer] = await once(asked, "response");
    answer.resume();
    assert.equal(answer.statusCode, 200);
    assert.match(String(answer.headers["set-cookie"]), /^__Host-frontsync=.*; Path=\/;.* HttpOnly; Secure; SameSite=Strict/);
    assert.match(String(answer.headers["strict-transport-security"]), /max-age=\d+/);
    assert.doesNotMatch(await answerTo(secure.address, "GET /api/test HTTP/1.1\r\nHost: x\r\n\r\n"), / 200 /);
  });

  it("is healthy while it serves, also without a datastore, and not before it has seen one or while it stops", async () => {
    await eventually("it is in step", END_MS, () => server.bus.status().state === "synced");
    const healthy = await client.ask("GET", "/api/health");
    assert.deepEqual([healthy.status, healthy.body.ready, healthy.body.state], [200, true, "synced"]);
    const alone = await startWebserver({
      datastore: "127.0.0.1:1",
      webserver: "alone",
      dir: join(web.deployment.dir, "alone"),
      externalAddr: "a",
      port: 0,
    });
    try {
      const { status, body } = await new Client(alone).ask("GET", "/api/health");
      assert.deepEqual([status, body.ready], [503, false]);
      assert.equal((await new Client(alone).ask("GET", "/api/test")).status, 200);
      assert.equal((await new Client(alone).login("admin", "changeme")).status, 503);
    } finally {
      await alone.close();
    }
    const stopping = await web.open("stopping", { drainSeconds: 6 });
    const closing = stopping.close();
    const { status, body } = await new Client(stopping).ask("GET", "/api/health");
    assert.deepEqual([status, body.reason], [503, "this webserver is stopping"]);
    assert.equal((await new Client(stopping).ask("GET", "/api/test")).status, 200, "who is here is still served");
    await closing;
  });

  it("says what is wrong with its options", async () => {
    const { port } = new URL(server.address);
    const usual = {
      datastore: "127.0.0.1:1",
      webserver: "bad",
      dir: join(web.deployment.dir, "bad"),
      externalAddr: "a",
      port: 0,
    };
    for (const bad of [
      { port: Number(port) },
      { port: 70_000 },
      { listen: "" },
      { externalAddr: "" },
      { keyFile: "key.pem" },
      { keyFile: "/nothing", certificateFile: "/nothing" },
      { sessionTimeoutMinutes: 0 },
      { loginsPerMinute: 1.5 },
      { trustedProxies: ["nonsense"] },
      { keyFile: COMMAND, certificateFile: COMMAND },
    ])
      assert.equal(await codeOf(startWebserver({ ...usual, ...bad })), "BAD_CONFIG", JSON.stringify(bad));
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    it(`runs as a command until ${signal}`, async (t) => {
      const args = [
        "webserver",
        "--external-addr",
        `${signal}.test`,
        "--listen",
        "127.0.0.1",
        "--port",
        "0",
        "--dir",
        join(web.deployment.dir, signal),
      ];
      const child = spawn(process.execPath, [COMMAND, ...args, "--datastore", web.deployment.datastore.address, "--json"], {
        stdio: ["ignore", "pipe", "ignore"],
        env: { ...process.env, npm_execpath: undefined },
      });
      t.after(() => child.kill("SIGKILL"));
      let printed = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
      const ended = once(child, "close");
      await eventually("it has started", END_MS, () => printed.includes("\n"));
      const { address } = JSON.parse(printed) as { address: string };
      await eventually(
        "it is healthy",
        END_MS,
        async () => (await new Client({ address }).ask("GET", "/api/health")).status === 200,
      );
      child.kill(signal);
      assert.deepEqual(await ended, [0, null]);
      assert.deepEqual(JSON.parse(printed.trim().split("\n").at(-1) ?? ""), { event: "stopped" });
    });
});
