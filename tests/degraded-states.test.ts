// Goal: loss of contact is noticed in time, whatever its kind, and so is its end, with nobody writing; a revision of another webserver is waited for.
// Method: a hung server and a cut connection under an idle webserver; a line of 1 MB/s; a NATS that stays while the functions go.
import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bus, connectBus } from "../bus/index.ts";
import { startDatastore } from "../functions/datastore.ts";
import { findNatsServer, launchNatsServer } from "../functions/nats-server/index.ts";
import { deploy } from "./support/deployment.ts";
import { freeze } from "./support/faults-processes.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { Gate } from "./support/offline.ts";
import { codeOf } from "./support/refusals.ts";

const WAIT_MS = 60_000;
const TRIES = 12;
const NOTICED_MS = 2000;
const MB = 1_000_000;
/** Of check-ins each 0.1 s: so long without an answer. */
const STUCK_MS = 600;

const until = (bus: Bus, state: string) => eventually(state, WAIT_MS, () => bus.status().state === state);

it("a hung server that holds its connections, and a cut one, are noticed within 2 s", async (t) => {
  await using deployment = await deploy();
  await using gate = await Gate.to(deployment.datastore.address);
  const options = { datastore: gate.address, webserver: "web1", dir: join(deployment.dir, "web1"), updateInterval: 3600 };
  await using bus = await connectBus(options);
  const ways = {
    hung: () => {
      const frozen = freeze([deployment.datastore.pids.natsServer]);
      return () => frozen.thaw();
    },
    cut: () => {
      gate.shut();
      return () => gate.open();
    },
  };
  for (const [way, begin] of Object.entries(ways)) {
    // A busy machine only makes it longer: the shortest of some tries is what it takes.
    const took: number[] = [];
    for (let n = 0; n < TRIES && Math.min(...took, Number.POSITIVE_INFINITY) > NOTICED_MS; n++) {
      await until(bus, "synced");
      const from = performance.now();
      const end = begin();
      await until(bus, "degraded");
      took.push(performance.now() - from);
      end();
    }
    t.diagnostic(`${way}: ${took.map(Math.round).join(", ")} ms`);
    assert.ok(Math.min(...took) <= NOTICED_MS, `${way}: ${took.join(", ")} ms`);
  }
  await until(bus, "synced");
});

it("a slow line is not taken for a lost contact: large documents come and go over it", async () => {
  await using deployment = await deploy({ webservers: 1, sync: "default" });
  const [fast] = deployment.buses as [Bus];
  const documents = (of: string) => Array.from({ length: 6 }, (_, n) => ({ id: `${of}${n}`, name: of, data: "x".repeat(MB) }));
  const put = (bus: Bus, of: string) =>
    Promise.all(documents(of).map((one) => bus.collection("dashboards").put(one, { timeoutMs: WAIT_MS })));
  await put(fast, "down");
  await using gate = await Gate.to(deployment.datastore.address, { bytesPerSecond: MB });
  const options = { datastore: gate.address, webserver: "slow", dir: join(deployment.dir, "slow") };
  await using slow = await connectBus(options);
  await slow.caughtUp(fast.status().head ?? null, { timeoutMs: WAIT_MS });
  assert.equal((await slow.collection("dashboards").get("down5"))?.doc.name, "down");
  // A busy machine may make it two.
  const came = gate.connections;
  assert.ok(came <= 3, `it was cut off ${came - 1} times on the way down`);

  for (const { revision } of await put(slow, "up")) await fast.caughtUp(revision, { timeoutMs: WAIT_MS });
  assert.equal(gate.connections, came, "it was not cut off on the way up");
});

it("functions that are gone, on a NATS that is not, are noticed at the next request; when they are back, without one", async (t) => {
  const folder = temporaryFolder(t);
  const { path: binary } = await findNatsServer();
  const config = `host: 127.0.0.1\nport: -1\njetstream { store_dir: "${join(folder, "store")}" }\n`;
  await using server = await launchNatsServer({ binary, config, dir: join(folder, "nats") });
  const start = () => startDatastore({ dir: join(folder, "datastore"), nats: `127.0.0.1:${server.port}` });
  const first = await start();
  const options = { datastore: first.address, webserver: "web1", updateInterval: 3600 };
  await using bus = await connectBus({ ...options, dir: join(folder, "web1") });
  await using other = await connectBus({ ...options, webserver: "web2", dir: join(folder, "web2") });
  await Promise.all([bus.caughtUp(), other.caughtUp()]);
  await first.stop();
  assert.equal(bus.status().state, "synced", "nobody has asked anything");
  assert.equal(await codeOf(bus.call("users.setLocked", { uid: 1, locked: true })), "DATASTORE_UNREACHABLE");
  assert.equal(bus.status().state, "degraded");
  assert.equal((await other.collection("dashboards").put({ id: "d", name: "d" })).revision, null);
  assert.equal(other.status().state, "degraded");
  assert.equal((await bus.call("users.login", { user: "admin", password: "changeme" })).session.webserver, "web1");

  const waiting = other.caughtUp(null, { timeoutMs: WAIT_MS }).then(() => Number(other.status().head));
  await assert.rejects(bus.caughtUp((bus.status().head ?? 0) + 1, { timeoutMs: 200 }), { code: "TIMEOUT" });
  await using _second = await start();
  await bus.caughtUp(await waiting, { timeoutMs: WAIT_MS });
  assert.equal((await bus.collection("dashboards").get("d"))?.pending, false, "another webserver's write, by its revision");
  await Promise.all([until(bus, "synced"), until(other, "synced")]);
  assert.deepEqual([other.status().pending, await other.deadLetters.list()], [0, []]);
});

it("a check-in whose handler dies is answered by another one: nothing of it is noticed", async (t) => {
  await using deployment = await deploy({ handlers: 2, webservers: 1, bus: { updateInterval: 0.1 } });
  const [bus] = deployment.buses as [Bus];
  const heard = () => bus.status().counters.checkIns;
  /** A check-in is on its way to a handler that stands still. */
  async function hangs(): Promise<boolean> {
    const before = heard();
    await sleep(STUCK_MS);
    return heard() === before;
  }
  // On a busy machine the other handler may be late, too: once without a trace is enough; without a second question there would be none.
  for (let n = 0; n < TRIES; n++) {
    await until(bus, "synced");
    const states = new Set<string>();
    const off = bus.onStatus(({ state }) => states.add(state));
    const [victim = 0] = deployment.datastore.pids.handlers;
    using _frozen = freeze([victim]);
    await eventually("a check-in hangs", WAIT_MS, hangs);
    process.kill(victim, "SIGKILL");
    const stuck = heard();
    await eventually("the next one is answered", WAIT_MS, () => heard() > stuck);
    off();
    await eventually("both handlers are there", WAIT_MS, () => deployment.datastore.pids.handlers.length === 2);
    if (!states.has("degraded")) return t.diagnostic(`${n + 1} tries`);
  }
  assert.fail("each time the webserver was degraded");
});
