// Goal: the configuration that is printed for HAProxy, nginx and Traefik is taken by them, spreads users, keeps each at a webserver, and sends nobody to one
// that is not well. Method: the proxies themselves, in front of webservers that tell who they are. None of these tests is ever skipped.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { emit, type ProxyName } from "../apps/loadbalancer/emit/index.ts";
import { freePorts } from "../scripts/support/free-ports.ts";
import { balance, fit, fixed, type StandIn, standIn } from "./support/balancers.ts";
import { frontsync } from "./support/command.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { findTraefik } from "./support/traefik.ts";

const WAIT_MS = 120_000;

interface Setting {
  folder: string;
  /** Where the proxy serves users. */
  port: number;
  address: string;
  web1: StandIn;
  web2: StandIn;
  /** gravwell.conf of a balancer for these two. */
  config: string;
}

async function setting(t: TestContext): Promise<Setting> {
  const folder = temporaryFolder(t);
  const [web1, web2] = [await standIn(t, "web1"), await standIn(t, "web2")];
  const [port = 0] = await freePorts([0]);
  const config = join(folder, "balancer.conf");
  const sections = Object.entries({ web1, web2 }).map(([name, { address }]) => `[Override "${name}"]\nWebserver = ${address}\n`);
  const global = `[Global]\nDisable-Datastore\nInsecure-Disable-HTTPS\nInsecure-Disable-Client-HTTPS\nWeb-Listen-Address = 127.0.0.1\nWeb-Port = ${port}\n`;
  writeFileSync(config, `${global}${sections.join("")}`);
  return { folder, port, address: `http://127.0.0.1:${port}`, web1, web2, config };
}

async function printed(proxy: ProxyName, config: string): Promise<string> {
  const { code, stdout, stderr } = await frontsync("loadbalancer", "--emit", proxy, "--config", config);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Runs until the test ends; when it ends before that, the test fails with what it has said. */
function start(t: TestContext, program: string, args: readonly string[]): { stop(): Promise<void> } {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      said = `${said}${chunk}`.slice(-4000);
    });
  let over = false;
  const ended = once(child, "close").then(
    ([code]: unknown[]) => assert.ok(over, `${program} ended with ${code}: ${said}`),
    (error: Error) => assert.fail(`${program}, which this test needs, can't be run: ${error.message}`),
  );
  const stop = async () => {
    over = true;
    child.kill("SIGKILL");
    await ended;
  };
  t.after(stop);
  return { stop };
}

function cookieIn(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";", 1)[0])
    .join("; ");
}

async function answers(address: string, headers: Record<string, string> = {}): Promise<string | undefined> {
  const response = await fetch(address, { headers }).catch(() => undefined);
  return response?.status === 200 ? await response.text() : undefined;
}

/** What all three must do. */
async function behaves({ address, web1, web2 }: Setting): Promise<{ cookie: string; at: string }> {
  await eventually("it serves", WAIT_MS, () => answers(address));
  const users: { cookie: string; at: string }[] = [];
  await eventually("both get users", WAIT_MS, async () => {
    const first = await fetch(address);
    users.push({ cookie: cookieIn(first), at: await first.text() });
    return ["web1", "web2"].every((name) => users.some(({ at }) => at === name));
  });
  // When the machine stood still a proxy takes webservers for gone, and for back a little later.
  await eventually("each stays where they are", WAIT_MS, async () => {
    for (const { cookie, at } of users.slice(-6))
      for (let n = 0; n < 3; n++) if ((await answers(address, { cookie })) !== at) return false;
    return true;
  });
  for (const { requests } of [web1, web2]) requests.length = 0;
  await fetch(address, { headers: { "x-forwarded-for": "6.6.6.6", "x-forwarded-proto": "gopher" } });
  const [request] = [...web1.requests, ...web2.requests];
  assert.deepEqual([request?.headers["x-forwarded-for"], request?.headers["x-forwarded-proto"]], ["127.0.0.1", "http"]);
  return users.find(({ at }) => at === "web1") ?? assert.fail();
}

/** With its cookie too, a user of web1 is at web2 by and by. */
async function leaves({ address }: Setting, cookie: string): Promise<void> {
  await eventually("web1 gets no users", WAIT_MS, async () => {
    for (let n = 0; n < 4; n++) if ((await answers(address, n % 2 === 0 ? { cookie } : {})) !== "web2") return false;
    return true;
  });
}

describe("the configuration of other proxies", () => {
  test("HAProxy", async (t) => {
    const set = await setting(t);
    const file = join(set.folder, "haproxy.cfg");
    writeFileSync(file, await printed("haproxy", set.config));
    start(t, "haproxy", ["-db", "-f", file]);
    const { cookie } = await behaves(set);
    set.web1.health = { status: 503, body: { ready: false } };
    await leaves(set, cookie);
    set.web1.health = { status: 200, body: { ready: true } };
    await eventually("web1 is back", WAIT_MS, async () => (await answers(set.address, { cookie })) === "web1");
  });

  test("nginx", async (t) => {
    const set = await setting(t);
    const [main, conf] = [join(set.folder, "nginx.conf"), join(set.folder, "frontsync.conf")];
    writeFileSync(conf, await printed("nginx", set.config));
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${set.folder}/${name};`)
      .join(" ");
    writeFileSync(
      main,
      `pid ${set.folder}/pid; error_log stderr; events {} http { access_log off; ${paths} include ${conf}; }\n`,
    );
    start(t, "nginx", ["-p", set.folder, "-c", main, "-e", "stderr", "-g", "daemon off; master_process off;"]);
    const { cookie } = await behaves(set);
    set.web1.close();
    assert.equal(await answers(set.address, { cookie }), "web2", "at once: nginx tries the other one");
    await leaves(set, cookie);
  });

  test("Traefik, with a file and by its HTTP provider, so that it follows by itself", async (t) => {
    const traefik = await findTraefik();
    const set = await setting(t);
    const entry = [
      `--entryPoints.web.address=127.0.0.1:${set.port}`,
      "--global.checkNewVersion=false",
      "--global.sendAnonymousUsage=false",
    ];
    const file = join(set.folder, "dynamic.yml");
    writeFileSync(file, await printed("traefik", set.config));
    const byFile = start(t, traefik, [...entry, `--providers.file.filename=${file}`]);
    const { cookie } = await behaves(set);
    set.web1.health = { status: 503, body: { ready: false } };
    await leaves(set, cookie);
    set.web1.health = { status: 200, body: { ready: true } };
    await byFile.stop();

    const balancer = await balance(t, { fixed: fixed({ web1: set.web1, web2: set.web2 }), statusAddress: "127.0.0.1:0" });
    await fit(balancer, "web1", "web2");
    const [port = 0] = await freePorts([0]);
    const following = { ...set, address: `http://127.0.0.1:${port}` };
    start(t, traefik, [
      `--entryPoints.web.address=127.0.0.1:${port}`,
      ...entry.slice(1),
      `--providers.http.endpoint=${balancer.statusAddress}/traefik`,
      "--providers.http.pollInterval=200ms",
    ]);
    const user = await behaves(following);
    set.web1.close();
    await fit(balancer, "web2");
    await leaves(following, user.cookie);
  });

  test("takes no name or address for something else", () => {
    const webserver = 'x" \n  server evil 6.6.6.6:80';
    const about = { host: "127.0.0.1", port: 80, tls: undefined, skipVerify: false, caFile: undefined };
    for (const proxy of ["haproxy", "nginx", "traefik"] as const) {
      const text = emit(proxy, [{ webserver, address: "127.0.0.1:1", secure: false, rank: "fit" }], about);
      assert.doesNotMatch(text, /evil/, proxy);
    }
  });
});
