// Goal: nothing waits for ever or longer than it was told: without a datastore, with an aborted signal, after close, with a wrong secret,
// every call ends at once and says why. Method: buses whose datastore is not there, was stopped, hangs (SIGSTOP) or refuses them.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Bus, connectBus, type Wait, type Written } from "../bus/index.ts";
import { CONTROL_AUTH, type Deployment, deploy } from "./support/deployment.ts";
import { eventually, freePort, temporaryFolder } from "./support/nats-server-kit.ts";

/** Writes that need the datastore. */
const sensitiveOf = (bus: Bus): (() => Promise<unknown>)[] => [
  () => bus.collection("groups").put({ name: "g" }),
  () => bus.collection("groups").patch("1", { name: "h" }),
  () => bus.collection("users").delete("1"),
];

const warned = (bus: Bus) => bus.status().warnings.map(({ code }) => code);

/** Every write of a document. */
const writesOf = (bus: Bus, options: Wait = {}): (() => Promise<unknown>)[] => [
  () => bus.collection("dashboards").put({ id: "new", name: "n" }, options),
  () => bus.collection("dashboards").patch("there", { name: "m" }, options),
  () => bus.collection("dashboards").delete("there", options),
];

/** Longer than a machine stands still, and too short for what waits for ever; what was told to wait less says so in its error. */
async function soon<T>(work: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  const result = await work();
  assert.ok(performance.now() - begun < 30_000, `it took ${Math.round(performance.now() - begun)} ms`);
  return result;
}

/** Handlers that are there and answer nothing, until they may go on. */
function suspend({ datastore }: Deployment): Disposable {
  const { handlers } = datastore.pids;
  const signal = (name: NodeJS.Signals) => {
    for (const pid of handlers) process.kill(pid, name);
  };
  signal("SIGSTOP");
  return { [Symbol.dispose]: () => signal("SIGCONT") };
}

describe("a bus without a datastore", () => {
  it("opens, reads what it has, keeps what can wait, and refuses the rest at once", async (t) => {
    const datastore = `127.0.0.1:${await freePort()}`;
    await using bus = await soon(() => connectBus({ datastore, webserver: "web1", dir: temporaryFolder(t) }));
    const { state, generation, head, cursor, peers } = bus.status();
    assert.deepEqual(
      { state, generation, head, cursor, peers },
      { state: "degraded", generation: null, head: null, cursor: 0, peers: [] },
    );
    for (const write of sensitiveOf(bus))
      await soon(() => assert.rejects(write, { name: "FrontsyncError", code: "DATASTORE_UNREACHABLE", retryable: true }));
    const [put, ...edits] = writesOf(bus);
    for (const write of edits) await soon(() => assert.rejects(write, { code: "NOT_FOUND", retryable: false }));
    assert.equal(((await soon(put as () => Promise<Written>)) as Written).revision, null);
    const results = await soon(() => bus.collection("dashboards").putMany([{ name: "a" }, { name: "b" }]));
    assert.deepEqual(
      results.map((result) => (result as Written).revision),
      [null, null],
    );
    assert.equal(await bus.collection("dashboards").get("a"), undefined);
    const { items } = await bus.collection("dashboards").list({ sort: "name" });
    assert.deepEqual(
      items.map(({ doc, pending }) => [doc.name, pending]),
      [
        ["a", true],
        ["b", true],
        ["n", true],
      ],
    );
    assert.equal((await bus.outbox.list()).length, 3);
    for (const revision of [undefined, null, 5])
      await soon(() => assert.rejects(bus.caughtUp(revision, { timeoutMs: 100 }), { code: "TIMEOUT", message: / 100 ms/ }));
    await soon(() => bus.close());
  });

  it("serves what it holds when the datastore is stopped, and goes on when it is back", async () => {
    await using deployment = await deploy({ webservers: 1 });
    const bus = deployment.buses[0] as Bus;
    await bus.collection("dashboards").put({ id: "there", name: "n" });
    await deployment.stopDatastore();
    await eventually("the bus notices", 60_000, () => bus.status().state === "degraded");
    for (const write of sensitiveOf(bus)) await soon(() => assert.rejects(write, { code: "DATASTORE_UNREACHABLE" }));
    assert.equal((await bus.collection("dashboards").get("there"))?.doc.name, "n");
    assert.equal(bus.status().pending, 0);
    for (const write of writesOf(bus)) await soon(write);
    assert.equal(bus.status().pending, 3);
    await deployment.restartDatastore();
    await bus.caughtUp();
    assert.equal(bus.status().pending, 0);
    assert.equal((await bus.collection("dashboards").get("new"))?.pending, false);
    await bus.collection("dashboards").put({ id: "there", name: "again" });
    for (const write of writesOf(bus)) await write();
    assert.deepEqual(warned(bus), ["DEFAULT_PASSWORD"]);
  });
});

describe("a wait", () => {
  it("for a revision that does not come ends with TIMEOUT, in time", async () => {
    await using deployment = await deploy({ webservers: 1 });
    const bus = deployment.buses[0] as Bus;
    const head = bus.status().head ?? 0;
    await soon(() =>
      assert.rejects(bus.caughtUp(head + 1000, { timeoutMs: 300 }), { code: "TIMEOUT", message: / 300 ms/, retryable: true }),
    );
    await soon(() => bus.caughtUp(head));
    await soon(() => bus.caughtUp(null, { timeoutMs: Number.POSITIVE_INFINITY }));
    for (const revision of [-1, 1.5, Number.NaN, "5" as unknown as number])
      await assert.rejects(bus.caughtUp(revision), { code: "BAD_MESSAGE" });
  });

  it("with an aborted signal rejects with its reason, and nothing is stored", async () => {
    await using deployment = await deploy({ webservers: 1 });
    const bus = deployment.buses[0] as Bus;
    await bus.collection("dashboards").put({ id: "there", name: "n" });
    const { head } = bus.status();
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const waits = [
      () => bus.caughtUp(null, { signal }),
      () => bus.caughtUp((head ?? 0) + 9, { signal }),
      () => bus.collection("dashboards").putMany([{ name: "n" }], { signal }),
    ];
    for (const call of [...writesOf(bus, { signal }), ...waits]) await soon(() => assert.rejects(call, reason));
    assert.deepEqual(await bus.collection("dashboards").changes({ signal }).next(), { done: true, value: undefined });
    await bus.caughtUp();
    assert.equal(bus.status().head, head);
  });

  it("that is aborted while it waits rejects with the reason; what was sent is not taken back", async () => {
    await using deployment = await deploy({ webservers: 1 });
    const bus = deployment.buses[0] as Bus;
    using suspended = suspend(deployment);
    const changes = bus.collection("dashboards").changes();
    const aborted = writesOf(bus, { signal: AbortSignal.timeout(200) });
    const outcome = await soon(() =>
      Promise.allSettled([aborted[0]?.(), bus.caughtUp(null, { signal: AbortSignal.timeout(200) })]),
    );
    for (const { status, ...rest } of outcome)
      assert.ok(status === "rejected" && (rest as { reason: Error }).reason.name === "TimeoutError");
    assert.equal(bus.status().pending, 1, "it is still asked for");
    suspended[Symbol.dispose]();
    assert.equal((await changes.next()).value?.id, "new");
    await bus.caughtUp();
    assert.equal(bus.status().pending, 0);
    await changes.return?.();
  });
});

describe("a closed bus", () => {
  it("has ended what was in flight, and refuses everything with CLOSED", async () => {
    await using deployment = await deploy({ webservers: 1 });
    const bus = deployment.buses[0] as Bus;
    const dashboards = bus.collection("dashboards");
    const next = dashboards.changes().next();
    using _suspended = suspend(deployment);
    const inFlight = [
      dashboards.put({ name: "n" }),
      bus.caughtUp(Number.MAX_SAFE_INTEGER),
      bus.caughtUp(),
      bus.call("searches.clear", { uid: 1 }),
      dashboards.versions("there"),
    ];
    const outcomes = Promise.allSettled(inFlight);
    await soon(() => bus.close());
    for (const outcome of await outcomes) assert.equal(outcome.status === "rejected" && outcome.reason.code, "CLOSED");
    assert.deepEqual(await next, { done: true, value: undefined });
    const calls = [
      ...writesOf(bus),
      () => dashboards.get("a"),
      () => dashboards.list(),
      () => bus.caughtUp(),
      () => bus.caughtUp(1),
      () => bus.digests(),
    ];
    for (const call of calls)
      await soon(() => assert.rejects(call, { name: "FrontsyncError", code: "CLOSED", retryable: false }));
    assert.deepEqual(await dashboards.changes({ since: 0 }).next(), { done: true, value: undefined });
    await bus.close();
    await bus[Symbol.asyncDispose]();
    bus.setUpdateInterval(1);
  });
});

describe("a wrong Control-Auth", () => {
  it("is said in a warning, and keeps the webserver out", async () => {
    await using deployment = await deploy({ webservers: 1 });
    for (const controlAuth of ["wrong", `${CONTROL_AUTH} `, CONTROL_AUTH.toLowerCase(), "x".repeat(1024), "é😀\n"]) {
      await using bus = await connectBus({
        datastore: deployment.datastore.address,
        webserver: "web2",
        dir: `${deployment.dir}/web2`,
        controlAuth,
      });
      const [warning] = await eventually(
        "it is warned of",
        60_000,
        () => bus.status().warnings.length > 0 && bus.status().warnings,
      );
      assert.equal(warning?.code, "AUTH_REFUSED");
      assert.ok(warning?.message.includes("Control-Auth") && !warning.message.includes(controlAuth));
      assert.equal(bus.status().state, "degraded");
      for (const write of sensitiveOf(bus)) await soon(() => assert.rejects(write, { code: "DATASTORE_UNREACHABLE" }));
    }
    await using bus = await deployment.connect("web2");
    assert.deepEqual(warned(bus), ["DEFAULT_PASSWORD"]);
  });
});
