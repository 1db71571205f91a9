// Goal: when one of three webservers is killed, no request that changes nothing fails, and the user stays logged in. Method: the commands as processes, 1,000 requests at 50 a
// second of several browsers that keep their cookies, and kill -9 in their midst.
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { startLoadbalancer } from "../apps/loadbalancer/index.ts";
import { connectBus } from "../bus/index.ts";
import { freePorts } from "../scripts/support/free-ports.ts";
import { fit } from "./support/balancers.ts";
import { CONTROL_AUTH, deploy, patient } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { hashed, plant, QUICK } from "./support/passwords.ts";
import { makeUser } from "./support/people.ts";
import { running } from "./support/running.ts";
import { Client, cookieOf, PASSWORD } from "./support/webservers.ts";

const START_MS = 90_000;
const REQUESTS = 1000;
const EVERY_MS = 20;
const BROWSERS = 6;
/** Of one browser, as they do it. */
const CONNECTIONS = 6;

interface Browser {
  client: Client;
  agent: Agent;
}

/** The answer's status, however long it takes. */
async function get(url: string, { client, agent }: Browser): Promise<number | undefined> {
  const asking = request(url, { agent, headers: client.headers }).end();
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  await once(answer.resume(), "end");
  return answer.statusCode;
}

test("1,000 requests at 50 a second while one of three webservers is killed: none fails, and nobody is logged out", async (t) => {
  await using deployment = await deploy({ sync: "default" });
  const { address: datastore } = deployment.datastore;
  await using bus = await connectBus({ datastore, webserver: "observer", dir: join(deployment.dir, "observer") });
  const ports = await freePorts([0, 0, 0]);
  const names = ["front1", "front2", "front3"];
  const processes = names.map((name, at) => {
    const port = String(ports[at]);
    const where = [
      "--listen",
      "127.0.0.1",
      "--port",
      port,
      "--external-addr",
      `127.0.0.1:${port}`,
      "--dir",
      join(deployment.dir, name),
    ];
    return running(t, [
      "webserver",
      "--webserver-uuid",
      name,
      "--datastore",
      datastore,
      "--insecure-disable-https",
      ...where,
      "--trusted-proxies",
      "127.0.0.1",
    ]);
  });
  for (const process of processes)
    await eventually("the webservers have started", START_MS, () => {
      assert.equal(process.child.exitCode, null, process.notes());
      return process.lines().some(({ event }) => event === "started");
    });
  await patient(bus).caughtUp();
  const uid = await makeUser(bus, { user: "maria" });
  await bus.caughtUp(await plant(deployment, uid, { password: hashed(PASSWORD, QUICK) }));
  await using balancer = await startLoadbalancer({
    ...{ dir: join(deployment.dir, "balancer"), port: 0, upstreamTls: false },
    bus: { datastore, controlAuth: CONTROL_AUTH, updateInterval: 1 },
  });
  await fit(balancer, ...names);

  const browsers = await Promise.all(
    Array.from({ length: BROWSERS }, async () => {
      const browser = new Client(balancer);
      const login = await eventually("a login", START_MS, async () => {
        const answer = await browser.login("maria");
        return answer.status === 200 && answer;
      });
      const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
      t.after(() => agent.destroy());
      return { client: browser.with({ cookie: cookieOf(login) }), agent };
    }),
  );
  const warned: string[] = [];
  const note = ({ message }: Error) => void warned.push(message);
  process.on("warning", note);
  t.after(() => process.off("warning", note));
  const failed: string[] = [];
  const asking: Promise<void>[] = [];
  const begun = performance.now();
  for (let n = 0; n < REQUESTS; n++) {
    if (n === REQUESTS / 4) processes[1]?.child.kill("SIGKILL");
    const browser = browsers[n % BROWSERS] as Browser;
    const path = n % 2 === 0 ? "/api/dashboards" : "/api/searchhistory";
    asking.push(
      get(`${balancer.address}${path}`, browser).then(
        (status) => void (status !== 200 && failed.push(`${n}: ${status}`)),
        (error: Error) => void failed.push(`${n}: ${error.message}`),
      ),
    );
    const wait = begun + (n + 1) * EVERY_MS - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  }
  await Promise.all(asking);
  assert.deepEqual(failed, []);
  assert.deepEqual(warned, []);
  await fit(balancer, "front1", "front3");
  const writing = await browsers[0]?.client.ask("POST", "/api/dashboards", { name: "still here", data: {} });
  assert.ok(writing && writing.status < 300, JSON.stringify(writing?.body));
  const counts = balancer.status().webservers.map(({ requests }) => requests);
  assert.ok(
    counts.every((requests) => requests > 0),
    counts.join(),
  );
});
