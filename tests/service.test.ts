// Goal: the functions are one NATS micro service that operators can see with NATS's own tools: each file of functions/ an endpoint, each handler
// an instance. Method: the client's services API, from the functions' account.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { type NatsConnection, RequestStrategy, type ServiceClient, type ServiceIdentity } from "nats";
import type { Bus } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";

const ROOT = new URL("../..", import.meta.url);
const HANDLERS = 3;
const FUNCTIONS = readdirSync(new URL("functions/", ROOT))
  .filter((file) => file.endsWith(".ts") && file !== "datastore.ts")
  .map((file) => file.slice(0, -".ts".length))
  .sort();

describe("the service", () => {
  let deployment: Deployment;
  let nats: NatsConnection;
  let client: ServiceClient;
  let bus: Bus;

  before(async () => {
    deployment = await deploy({ handlers: HANDLERS, webservers: 1 });
    bus = deployment.buses[0] as Bus;
    nats = await deployment.rawFunctions();
    // All that come: until nobody has answered for a while.
    client = nats.services.client({ strategy: RequestStrategy.JitterTimer, maxWait: 2000 });
  });
  after(async () => await deployment[Symbol.asyncDispose]());

  async function answers<T extends ServiceIdentity>(asked: Promise<AsyncIterable<T>>): Promise<T[]> {
    const all: T[] = [];
    for await (const answer of await asked) all.push(answer);
    return all;
  }
  /** Those of all handlers: one that is slow is missed by whoever stops when nobody has answered for a while. */
  const everybodys = <T extends ServiceIdentity>(ask: () => Promise<AsyncIterable<T>>, least = HANDLERS): Promise<T[]> =>
    eventually("all have answered", 60_000, async () => {
      const all = await answers(ask());
      return all.length >= least && all;
    });
  const version = (JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")) as { version: string }).version;

  it("is called frontsync, and each handler is an instance of it", async () => {
    const pings = await everybodys(() => client.ping());
    assert.equal(pings.length, HANDLERS);
    assert.equal(new Set(pings.map(({ id }) => id)).size, HANDLERS);
    for (const ping of pings) assert.deepEqual([ping.name, ping.version], ["frontsync", version]);
    assert.deepEqual(
      new Set((await everybodys(() => client.ping("frontsync"))).map(({ id }) => id)),
      new Set(pings.map(({ id }) => id)),
    );
    const [one] = await everybodys(() => client.ping("frontsync", pings[0]?.id), 1);
    assert.equal(one?.id, pings[0]?.id);
  });

  it("has an endpoint for each file of functions/, in one queue group, that says what it is and what it takes", async () => {
    assert.ok(FUNCTIONS.length >= 5, FUNCTIONS.join());
    for (const { endpoints, description } of await everybodys(() => client.info("frontsync"))) {
      assert.ok(description.length > 10);
      assert.deepEqual(endpoints?.map(({ metadata }) => metadata?.request?.replace(/\.request$/, "")).sort(), FUNCTIONS);
      for (const { name, subject, queue_group: queue, metadata } of endpoints ?? []) {
        const called = metadata?.request?.replace(/\.request$/, "") ?? "";
        const [of, named] = called.includes(".") ? called.split(".") : ["(_|\\*)", called];
        assert.match(subject, new RegExp(`^ds\\.req\\.${of}\\.${named}\\.\\*$`));
        assert.equal(queue, "functions");
        assert.ok((metadata?.description ?? "").length > 10);
        assert.equal(called.replaceAll(".", "-"), name);
        assert.ok(metadata?.reply?.endsWith(".reply"));
      }
    }
  });

  it("counts what each handler has answered", async () => {
    const count = async (name: string) => {
      const stats = await everybodys(() => client.stats("frontsync"));
      return stats.map(({ endpoints }) => endpoints?.find((endpoint) => endpoint.name === name)?.num_requests ?? 0);
    };
    const sum = (counts: number[]) => counts.reduce((total, one) => total + one, 0);
    const before = sum(await count("put"));
    for (let n = 0; n < 60; n++) await bus.collection("dashboards").put({ id: `d${n}`, name: "n" });
    const counts = await count("put");
    // An answer that is late is asked for once more.
    assert.ok(sum(counts) >= before + 60 && sum(counts) < before + 120, `${counts}`);
    assert.ok(
      counts.every((one) => one > 0),
      `the handlers share the work: ${counts}`,
    );
    await bus.collection("dashboards").delete("d1");
    assert.ok([1, 2].includes(sum(await count("delete"))));
  });

  it("has as many instances as before when a handler was killed and started again", async () => {
    const [pid] = deployment.datastore.pids.handlers;
    const known = new Set((await everybodys(() => client.ping())).map(({ id }) => id));
    process.kill(pid as number, "SIGKILL");
    const pings = await eventually("a new instance answers", 60_000, async () => {
      const now = await answers(client.ping());
      return now.length === HANDLERS && now.some(({ id }) => !known.has(id)) && now;
    });
    assert.equal(pings.filter(({ id }) => known.has(id)).length, HANDLERS - 1);
    await bus.collection("dashboards").put({ id: "after", name: "n" });
  });

  it("answers no webserver", async () => {
    const web = await deployment.rawWebserver("web2");
    for (const subject of ["$SRV.PING", "$SRV.INFO.frontsync", "$SRV.STATS.frontsync"])
      await assert.rejects(web.request(subject, "", { timeout: 200 }), subject);
  });
});
