// Goal: a webserver catches up with whatever there is, knows its peers, checks in as often as it is told, and ends cleanly. Method: one
// datastore with two handlers; webservers that come late, that observe, that are closed in the middle of something.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Bus, connectBus, type Status } from "../bus/index.ts";
import { type Deployment, deploy, patient } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { freeze } from "./support/faults-processes.ts";
import { hearRequests } from "./support/faults-spy.ts";
import { eventually } from "./support/nats-server-kit.ts";

let deployment: Deployment;
let writer: Bus;
let late: Bus;

const dashboards = (bus: Bus) => bus.collection("dashboards");
const busOf = (webserver: string, more = {}) => ({
  ...{ datastore: deployment.datastore.address, webserver, dir: join(deployment.dir, webserver), ...more },
});

describe("a webserver", () => {
  before(async () => {
    deployment = await deploy({ webservers: 1, handlers: 2, bus: { updateInterval: 0.5 } });
    writer = deployment.buses[0] as Bus;
  });
  after(() => deployment[Symbol.asyncDispose]());

  it("catches up with thousands of documents, overwritten and deleted ones among them, while they change", async () => {
    const put = (from: number, to: number, round: number) =>
      dashboards(writer).putMany(
        Array.from({ length: to - from }, (_, n) => ({ id: `doc ${from + n}`, name: `${round} ${n}`, data: "x".repeat(300) })),
        { timeoutMs: 60_000 },
      );
    await put(0, 4000, 0);
    await put(1000, 2000, 1);
    await Promise.all(Array.from({ length: 500 }, (_, n) => dashboards(writer).delete(`doc ${n}`, { timeoutMs: 60_000 })));
    await put(250, 300, 2);
    await writer.collection("preferences").put({ uid: 7, name: "prefs", data: { theme: "dark" } });
    await using spy = await hearRequests(deployment);
    [late] = await Promise.all([deployment.connect("late"), put(2000, 2500, 3)]);
    await late.caughtUp();
    await assertEqualReplicas([writer, late]);
    const { counters, cursor, head } = late.status();
    assert.deepEqual([counters.resyncs, cursor], [0, head]);
    await spy.settle();
    assert.ok(spy.requests.filter(({ verb, webserver }) => verb === "changes" && webserver === "late").length >= 2, "pages");
    for (const [id, name] of Object.entries({
      "doc 1500": "1 500",
      "doc 270": "2 20",
      "doc 2400": "3 400",
      "doc 3999": "0 3999",
    })) {
      assert.equal((await dashboards(late).get(id))?.doc.name, name);
    }
    assert.equal(await dashboards(late).get("doc 400"), undefined);
    assert.deepEqual((await late.collection("preferences").get("7/prefs"))?.doc.data, { theme: "dark" });
  });

  it("waits with caughtUp for what another webserver wrote, and no longer than it was told", async () => {
    for (let n = 0; n < 20; n++) {
      const { revision } = await dashboards(writer).put({ id: "waited for", name: `${n}` });
      await late.caughtUp(revision);
      assert.equal((await dashboards(late).get("waited for"))?.revision, revision);
    }
    const { cursor } = writer.status();
    await writer.caughtUp(0);
    await assert.rejects(writer.caughtUp(cursor + 1000, { timeoutMs: 150 }), { code: "TIMEOUT", message: / 150 ms/ });
    const reason = new Error("enough");
    await assert.rejects(writer.caughtUp(cursor + 1000, { signal: AbortSignal.abort(reason) }), reason);
  });

  it("knows its peers while they are there; an observer is nobody's", async () => {
    const a = await deployment.connect("peer-a", { externalAddr: "a.test:443", updateInterval: 0.2 });
    const b = await deployment.connect("peer-b", { externalAddr: "[::1]:8443", updateInterval: 0.2 });
    const observer = await connectBus(busOf("observer", { updateInterval: 0.2 }));
    await patient(observer).caughtUp();
    const named = (bus: Bus) => bus.status().peers.map(({ webserver, externalAddr }) => `${webserver} ${externalAddr}`);
    await eventually("a sees b", 60_000, () => named(a).includes("peer-b [::1]:8443"));
    await eventually("the observer sees both", 60_000, () =>
      ["peer-a a.test:443", "peer-b [::1]:8443"].every((one) => named(observer).includes(one)),
    );
    assert.ok(
      named(a).every((one) => !one.startsWith("peer-a")),
      "not itself",
    );
    const peer = await eventually("b is in step", 60_000, () =>
      a.status().peers.find(({ webserver, state }) => webserver === "peer-b" && state === "synced"),
    );
    assert.deepEqual([peer.version, (peer.cursor ?? 0) > 0, (peer.seenMsAgo ?? Number.NaN) < 60_000], ["0.1.0", true, true]);
    assert.ok([a, b].every((bus) => !named(bus).some((one) => one.startsWith("observer"))));
    let changes = 0;
    a.onStatus(() => changes++);
    await b.close();
    // Three of b's intervals and a second of grace, then the next check-in of a.
    await eventually("b is gone", 60_000, () => !named(a).some((one) => one.startsWith("peer-b")));
    assert.ok(changes > 0);
    await Promise.all([a.close(), observer.close()]);
  });

  it("knows how its peers do: lag, pending writes, dead letters, conflicts, and whether they drain", async () => {
    const a = await deployment.connect("vital-a", { externalAddr: "a.test:443", updateInterval: 0.2 });
    const b = await deployment.connect("vital-b", { externalAddr: "b.test:443", updateInterval: 0.2 });
    const told = () => a.status().peers.find(({ webserver }) => webserver === "vital-b");
    await eventually("a is told of b", 60_000, () => told()?.deadLetters === 0 && told()?.lag === 0);
    assert.deepEqual([told()?.pending, told()?.conflicts, told()?.draining], [0, 0, false]);
    b.setDraining(true);
    await eventually("b drains", 60_000, () => told()?.draining === true);
    b.setDraining(false);
    await eventually("b drains no more", 60_000, () => told()?.draining === false);
    await Promise.all([a.close(), b.close()]);
  });

  it("checks in as often as it is told, from now on", async () => {
    await using bus = await connectBus(busOf("intervals", { updateInterval: 3600 }));
    await patient(bus).caughtUp();
    const checkIns = () => bus.status().counters.checkIns;
    const before = checkIns();
    bus.setUpdateInterval(0.1);
    await eventually("five check-ins", 60_000, () => checkIns() >= before + 5);
    bus.setUpdateInterval(3600);
    await bus.caughtUp();
    const [quiet, started] = [checkIns(), performance.now()];
    await eventually("half a second has gone by", 60_000, () => performance.now() - started > 500);
    assert.equal(checkIns(), quiet);
    for (const bad of [0, 0.09, 3601, Number.NaN, "1" as unknown as number])
      assert.throws(() => bus.setUpdateInterval(bad), { code: "BAD_CONFIG" });
  });

  it("tells its listeners, whatever they do, until they leave", async () => {
    const heard: Status[] = [];
    const leave = writer.onStatus((status) => heard.push(status));
    const leaveFaulty = writer.onStatus(() => {
      throw new Error("a listener's own fault");
    });
    await dashboards(writer).put({ id: "heard", name: "x" });
    assert.ok(heard.some(({ pending }) => pending === 1) && heard.at(-1)?.pending === 0);
    // Who listens twice is told twice, and leaves once.
    let told = 0;
    const twice = () => void told++;
    const [leaveOnce, leaveTwice] = [writer.onStatus(twice), writer.onStatus(twice)];
    leaveOnce();
    await dashboards(writer).put({ id: "heard", name: "y" });
    assert.ok(told > 0);
    leaveTwice();
    leave();
    leaveFaulty();
    const count = heard.length;
    await dashboards(writer).put({ id: "not heard", name: "x" });
    assert.equal(heard.length, count);
  });

  it("ends once, whatever is under way: calls reject CLOSED, iterators end, its folder is free", async () => {
    const bus = await connectBus(busOf("closing"));
    await bus.caughtUp();
    await dashboards(bus).put({ id: "kept by closing", name: "x" });
    using _frozen = freeze(deployment.datastore.pids.handlers);
    const closed = { code: "CLOSED" };
    const pending = [
      dashboards(bus).put({ name: "never answered" }),
      dashboards(bus).patch("kept by closing", { name: "never answered" }),
      bus.caughtUp(),
      bus.caughtUp(bus.status().cursor + 1000),
    ].map((call) => assert.rejects(call, closed));
    const iterator = dashboards(bus).changes();
    const next = iterator.next();
    const closing = [bus.close(), bus.close(), bus[Symbol.asyncDispose]()];
    await Promise.all([...closing, ...pending]);
    assert.equal((await next).done, true);
    for (const call of [
      () => dashboards(bus).get("x"),
      () => dashboards(bus).list(),
      () => dashboards(bus).put({ name: "x" }),
      () => dashboards(bus).delete("x"),
      () => bus.caughtUp(),
      () => bus.digests(),
    ])
      await assert.rejects(call, closed);
    assert.equal((await dashboards(bus).changes().next()).done, true);
    assert.deepEqual(
      (await dashboards(bus).putMany([{ name: "x" }])).map((result) => result instanceof Error && result.code),
      ["CLOSED"],
    );
    assert.equal(bus.status().pending, 0);
    const again = await connectBus(busOf("closing"));
    assert.equal((await dashboards(again).get("kept by closing"))?.doc.name, "x");
    await again.close();
  });

  it("can be closed at once, and while it is catching up", async () => {
    await (await connectBus(busOf("short"))).close();
    const bus = await connectBus(busOf("shorter"));
    await new Promise<void>((closed) => {
      bus.onStatus(({ state }) => {
        if (state === "catching-up") void bus.close().then(closed);
      });
    });
    const unreachable = await connectBus({ ...busOf("alone"), datastore: "127.0.0.1:1" });
    await unreachable.close();
  });
});
