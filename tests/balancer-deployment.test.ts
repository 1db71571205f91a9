// Goal: in front of a real deployment the balancer needs no list, follows drains, outlives the datastore and its own restart, and sends nothing to who is not the
// webserver it says it is. Method: webservers on a datastore, and a balancer that knows the datastore alone.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Loadbalancer, startLoadbalancer } from "../apps/loadbalancer/index.ts";
import { connectBus } from "../bus/index.ts";
import { fit, standIn } from "./support/balancers.ts";
import { frontsync } from "./support/command.ts";
import { CONTROL_AUTH } from "./support/deployment.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { Client, cookieOf, type Web, webservers } from "./support/webservers.ts";

const WAIT_MS = 120_000;

/** Webservers that say where they really are. */
async function deployment(count: number): Promise<Web> {
  const web = await webservers(0, { trustedProxies: ["127.0.0.1"] });
  for (let n = 1; n <= count; n++) await web.openReal(`web${n}`);
  return web;
}

function balancerOf(web: Web, dir = join(web.deployment.dir, "balancer")): Promise<Loadbalancer> {
  const { address: datastore } = web.deployment.datastore;
  return startLoadbalancer({
    dir,
    port: 0,
    upstreamTls: false,
    bus: { datastore, controlAuth: CONTROL_AUTH, updateInterval: 0.5 },
  });
}

async function whoAnswers(balancer: Loadbalancer, cookie = ""): Promise<string> {
  const answer = await fetch(`${balancer.address}/api/version`, { headers: { cookie } });
  return ((await answer.json()) as { webserver: string }).webserver;
}

describe("a load balancer of a deployment", () => {
  let web: Web;
  before(async () => {
    web = await deployment(2);
  });
  after(async () => await web[Symbol.asyncDispose]());

  test("finds the webservers, keeps a user logged in on each, and a drained one gets nobody until that is undone", async () => {
    await web.user("maria");
    await using balancer = await balancerOf(web);
    await fit(balancer, "web1", "web2");
    const client = new Client(balancer);
    const login = await client.login("maria");
    const cookie = cookieOf(login);
    const mine = await whoAnswers(balancer, cookie);
    const other = mine === "web1" ? "web2" : "web1";
    assert.equal(await whoAnswers(balancer, cookie), mine);

    const target = ["--datastore", web.deployment.datastore.address];
    assert.equal((await frontsync("drain", "web9", ...target)).code, 1);
    assert.equal((await frontsync("drain", "../x", ...target)).code, 1);
    const drained = await frontsync("drain", mine, ...target);
    assert.equal(drained.code, 0, drained.stderr);
    await fit(balancer, other);
    assert.equal(await whoAnswers(balancer, cookie), other);
    assert.equal((await client.with({ cookie }).ask("GET", "/api/dashboards")).status, 200, "still logged in");
    const { address } = web.servers[mine === "web1" ? 0 : 1] ?? assert.fail();
    await eventually("it says so itself", WAIT_MS, async () => (await fetch(`${address}/api/health`)).status === 503);
    assert.match((await frontsync("drain", "--json", ...target)).stdout, new RegExp(`"drained":\\["${mine}"\\]`));
    assert.equal((await frontsync("drain", mine, "--undo", ...target)).code, 0);
    await fit(balancer, "web1", "web2");
  });

  test("sends nobody to who is not the webserver that it says it is", async (t) => {
    const { host: address } = new URL(web.servers[0]?.address ?? "");
    const outsider = await standIn(t, "somebody");
    await using balancer = await balancerOf(web);
    await fit(balancer, "web1", "web2");
    const claims = {
      liar1: address,
      liar2: outsider.address,
      liar3: new URL(balancer.address).host,
      liar4: "127.0.0.1:1\n  server x",
      liar5: "0.0.0.0:80",
    };
    const liars = await Promise.all(
      Object.entries(claims).map(([webserver, externalAddr]) =>
        connectBus({
          datastore: web.deployment.datastore.address,
          webserver,
          dir: temporaryFolder(t),
          externalAddr,
          updateInterval: 0.5,
        }),
      ),
    );
    try {
      const ranks = () => Object.fromEntries(balancer.status().webservers.map(({ webserver, rank }) => [webserver, rank]));
      await eventually("all of them are heard of", WAIT_MS, () => Object.keys(ranks()).length === 2 + 3);
      await eventually("they are barred", WAIT_MS, () =>
        Object.entries(ranks()).every(([name, rank]) => (rank === "barred") === name.startsWith("liar")),
      );
      for (let n = 0; n < 10; n++) assert.match(await whoAnswers(balancer), /^web[12]$/);
      assert.deepEqual(
        outsider.requests.filter(({ url }) => url !== "/api/version").length,
        0,
        "it was asked who it is, and nothing else",
      );
      const why = balancer.status().webservers.map((one) => one.why ?? "");
      assert.ok(
        why.some((text) => text.includes("there is the webserver 'web1', not 'liar1'")),
        why.join("\n"),
      );
    } finally {
      await Promise.all(liars.map((liar) => liar.close()));
    }
  });

  test("goes on without the datastore, also after its own restart; a drain is remembered", async () => {
    const dir = join(web.deployment.dir, "balancer-down");
    const first = await balancerOf(web, dir);
    await fit(first, "web1", "web2");
    await web.servers[0]?.bus.collection("drains").put({ id: "web2" });
    await fit(first, "web1");
    await web.deployment.stopDatastore();
    await eventually("it has noticed", WAIT_MS, () => first.status().datastore === "degraded");
    await fit(first, "web1");
    assert.equal(await whoAnswers(first), "web1");
    await first.close();
    await using second = await balancerOf(web, dir);
    assert.equal(second.status().datastore, "degraded");
    await fit(second, "web1");
    assert.equal(await whoAnswers(second), "web1");
    await web.deployment.restartDatastore();
    await eventually("there is contact", WAIT_MS, () => second.status().datastore === "synced");
    await web.servers[0]?.bus.caughtUp(null, { timeoutMs: WAIT_MS });
    await web.servers[0]?.bus.collection("drains").delete("web2");
    await fit(second, "web1", "web2");
  });
});
