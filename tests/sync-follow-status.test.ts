// Goal: a webserver knows how it stands with the datastore, says so in time, works from its replica without it, and comes back by itself.
// Method: nats-server is frozen, killed, stopped and started again under two webservers; every change of status is written down.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { CheckIn } from "../bus/check-in.ts";
import { type Bus, connectBus, FrontsyncError, type Status } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { freeze } from "./support/faults-processes.ts";
import { eventually } from "./support/nats-server-kit.ts";

const dashboards = (bus: Bus) => bus.collection("dashboards");

const warned = (bus: Bus) => bus.status().warnings.map(({ code }) => code);

/** The states that a bus goes through from now on, without repetitions. */
function states(bus: Bus): Status["state"][] {
  const seen = [bus.status().state];
  bus.onStatus(({ state }) => {
    if (seen.at(-1) !== state) seen.push(state);
  });
  return seen;
}

/** It came by these, by way of catching up. On a slow machine contact may be lost again before that is done. */
function assertWay(seen: readonly Status["state"][], by: readonly Status["state"][]): void {
  const settled = seen.filter(
    (state, at) => state !== "catching-up" && !(state === "degraded" && seen[at - 1] === "catching-up"),
  );
  assert.deepEqual(
    settled.filter((state, at) => state !== settled[at - 1]),
    by,
    seen.join(),
  );
  for (const [at, state] of seen.entries())
    if (state === "synced" && at > 0) assert.equal(seen[at - 1], "catching-up", seen.join());
}

/** How soon it is noticed is looked at in degraded-states.test.ts. */
async function until(bus: Bus, state: Status["state"]): Promise<void> {
  await eventually(state, 60_000, () => bus.status().state === state);
}

const busOf = (deployment: Deployment, webserver: string, more = {}) => ({
  ...{ datastore: deployment.datastore.address, webserver, dir: join(deployment.dir, webserver), updateInterval: 1, ...more },
});

describe("the state of a webserver", { concurrency: 3 }, () => {
  it("is degraded before the first contact, and then synced by way of catching up; reads work all the time", async () => {
    await using deployment = await deploy({ webservers: 1 });
    const [writer] = deployment.buses as [Bus];
    const { revision } = await dashboards(writer).put({ id: "kept", name: "kept" });
    const options = busOf(deployment, "web2");
    const first = await connectBus(options);
    const seen = states(first);
    await first.caughtUp(revision);
    assertWay(seen, ["degraded", "synced"]);
    await first.close();
    await writer.close();
    await deployment.stopDatastore();

    const offline = await connectBus(options);
    try {
      const { state, generation, cursor, head, peers } = offline.status();
      assert.deepEqual({ state, generation, head, peers }, { state: "degraded", generation: null, head: null, peers: [] });
      assert.equal(cursor, revision);
      assert.equal((await dashboards(offline).get("kept"))?.doc.name, "kept");
      assert.equal((await dashboards(offline).list({ sort: "name" })).items.length, 1);
      await offline.caughtUp(revision);
      await assert.rejects(offline.caughtUp((revision ?? 0) + 1, { timeoutMs: 100 }), { code: "TIMEOUT" });
      await assert.rejects(offline.caughtUp(null, { timeoutMs: 100 }), { code: "TIMEOUT" });
      await assert.rejects(offline.collection("groups").put({ name: "no" }), { code: "DATASTORE_UNREACHABLE", retryable: true });
      await deployment.restartDatastore();
      await until(offline, "synced");
      assert.equal((await dashboards(offline).put({ id: "again", name: "yes" })).id, "again");
      assert.equal(offline.status().generation, deployment.datastore.generation);
    } finally {
      await offline.close();
    }
  });

  it("is degraded when nats-server hangs or dies, and synced again after", async () => {
    await using deployment = await deploy({ webservers: 2, bus: { updateInterval: 10 } });
    const [a, b] = deployment.buses as [Bus, Bus];
    const seen = states(a);
    {
      using _frozen = freeze([deployment.datastore.pids.natsServer]);
      await Promise.all([until(a, "degraded"), until(b, "degraded")]);
      await assert.rejects(a.collection("groups").put({ name: "no" }), { code: "DATASTORE_UNREACHABLE" });
      assert.equal(await dashboards(a).get("nothing"), undefined);
    }
    await Promise.all([until(a, "synced"), until(b, "synced")]);
    await dashboards(a).put({ id: "after the freeze", name: "x" });

    process.kill(deployment.datastore.pids.natsServer ?? 0, "SIGKILL");
    await Promise.all([until(a, "degraded"), until(b, "degraded")]);
    await Promise.all([until(a, "synced"), until(b, "synced")]);
    await dashboards(b).put({ id: "after the kill", name: "x" });
    assertWay(seen, ["synced", "degraded", "synced", "degraded", "synced"]);
    await assertEqualReplicas([a, b]);
    for (const bus of [a, b]) assert.deepEqual(warned(bus), ["DEFAULT_PASSWORD"]);
  });

  it("is degraded when no function answers, and synced again when one does", async () => {
    await using deployment = await deploy({ webservers: 1, bus: { updateInterval: 0.5 } });
    const [bus] = deployment.buses as [Bus];
    const frozen = freeze(deployment.datastore.pids.handlers);
    try {
      await until(bus, "degraded");
    } finally {
      frozen.thaw();
    }
    await until(bus, "synced");
    await dashboards(bus).put({ name: "x" });
  });

  it("after a long outage comes back as soon as the datastore does, not at the next interval", async () => {
    await using deployment = await deploy({ webservers: 1, bus: { updateInterval: 3600 } });
    const [bus] = deployment.buses as [Bus];
    await deployment.stopDatastore();
    await until(bus, "degraded");
    await assert.rejects(bus.caughtUp(null, { timeoutMs: 3000 }), { code: "TIMEOUT" });
    await deployment.restartDatastore();
    await until(bus, "synced");
  });

  it("says what the deployment does not guarantee", async () => {
    await using deployment = await deploy({ webservers: 1, sync: "default" });
    const [bus] = deployment.buses as [Bus];
    assert.deepEqual(warned(bus).sort(), ["DEFAULT_PASSWORD", "NOT_DURABLE"]);
    await using other = await connectBus({ ...busOf(deployment, "web2"), controlAuth: "another secret" });
    await eventually("it says that it is refused", 60_000, () =>
      other.status().warnings.some(({ code }) => code === "AUTH_REFUSED"),
    );
    assert.equal(other.status().state, "degraded");
  });
});

it("while nobody answers is asked for every 10 s at least, however long the interval is", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let asked = 0;
  const checkIn = new CheckIn(3600, {
    describe: async () => ({ version: "0", state: "degraded", pending: 0, digests: {} }),
    send: async () => {
      asked++;
      throw new FrontsyncError("TIMEOUT", "nobody answers");
    },
    onReply: () => assert.fail("there is no reply"),
    onFailure: () => {},
  });
  await checkIn.now();
  for (let round = 1; round <= 30; round++) {
    assert.equal(asked, round);
    t.mock.timers.tick(11_001); // 10 s and the jitter
    await setImmediate();
  }
  checkIn.close();
});
