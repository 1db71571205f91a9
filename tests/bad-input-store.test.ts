// Goal: what somebody else has written into the store (an operator with NATS's tools, a program in the functions' account) takes nothing else
// with it: every document arrives everywhere, the handlers live, and what is wrong is said. Method: junk among good writes.
import assert from "node:assert/strict";
import { it } from "node:test";
import type { Bus } from "../bus/index.ts";
import { deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { warningsOf } from "./support/warnings.ts";

/** In places where a document could be: it has none, and a write makes one. */
const IN_PLACE: [string, string | Uint8Array][] = [
  ["plain", "{}"],
  ["text", "no json"],
  ["bytes", Uint8Array.of(0, 255, 254, 128)],
  ["empty", ""],
  ["there", "no json"],
];
/** In places where there can be none: the replicas can't hold it, and say so. */
const NOWHERE = ["dashboards.two.tokens", "dashboards.=zz", "dashboards.=h.00", "unheard-of.x", "_meta.x", "x"];

it("junk in the store holds up no document, no handler and no webserver", async () => {
  await using deployment = await deploy({ webservers: 2, handlers: 2, bus: { updateInterval: 0.2 } });
  const [bus, other] = deployment.buses as [Bus, Bus];
  const { handlers } = deployment.datastore.pids;
  const stream = (await deployment.rawFunctions()).jetstream();
  const ids: string[] = [];
  const put = async (id?: string) => ids.push((await bus.collection("dashboards").put({ ...(id && { id }), name: "good" })).id);
  const arrived = async (on: Bus) => {
    await on.caughtUp();
    const { items } = await on.collection("dashboards").list({ where: { name: "good" }, limit: 100 });
    assert.deepEqual(new Set(items.map(({ id }) => id)), new Set(ids));
    for (const id of ids) assert.equal((await on.collection("dashboards").get(id))?.doc.name, "good");
  };
  const sameEverywhere = async (buses: readonly Bus[]) => {
    for (const one of buses) await arrived(one);
    const digests = await Promise.all(buses.map(async (one) => (await one.digests()).digests.dashboards));
    assert.equal(new Set(digests).size, 1);
  };

  await bus.collection("dashboards").put({ id: "there", name: "lost" });
  await arrived(bus); // makes the index, which reads the bodies
  for (const [token, body] of IN_PLACE) {
    await stream.publish(`$KV.datastore.dashboards.${token}`, body);
    await put();
  }
  await sameEverywhere([bus, other, await deployment.connect("web3")]);
  for (const [token] of IN_PLACE) {
    assert.equal(await other.collection("dashboards").get(token), undefined);
    await assert.rejects(bus.collection("dashboards").patch(token, { name: "n" }), { code: "NOT_FOUND" });
    await put(token);
  }
  const fourth = await deployment.connect("web4");
  await sameEverywhere([bus, other, fourth]);
  for (const one of [bus, other, fourth]) assert.deepEqual([warningsOf(one), one.status().counters.resyncs], [[], 0]);

  for (const place of NOWHERE) {
    await stream.publish(`$KV.datastore.${place}`, "{}");
    await put();
  }
  const fifth = await deployment.connect("web5");
  for (const one of [bus, other, fifth]) await arrived(one);
  await eventually("the difference is said", 60_000, () => fifth.status().warnings.some(({ code }) => code === "DIVERGED"));
  await eventually("it goes on", 60_000, () => fifth.status().state === "synced");
  await put();
  await arrived(other);
  assert.deepEqual(deployment.datastore.pids.handlers, handlers);
});
