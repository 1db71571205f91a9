// Goal: a webserver's replica survives its restart and its kill with its position inside, and reads only what is new. Method: buses are
// closed, and processes with a bus are killed, while documents exist; then the folder is opened again, and a listener in the functions'
// account hears which pages are asked for.
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type Bus, connectBus } from "../bus/index.ts";
import { type Deployment, deploy, patient } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { hearRequests } from "./support/faults-spy.ts";
import type { WebserverOrder, WebserverReport } from "./support/faults-webserver.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { warningsOf } from "./support/warnings.ts";

const PROGRAM = fileURLToPath(new URL("support/faults-webserver.js", import.meta.url));
const DOCS = 800;
/** Nobody listens there. */
const NOWHERE = "127.0.0.1:1";

let deployment: Deployment;
let writer: Bus;

const dashboards = (bus: Bus) => bus.collection("dashboards");
const folder = (webserver: string) => join(deployment.dir, webserver);
const write = (from: number, count: number, name: string) =>
  dashboards(writer).putMany(Array.from({ length: count }, (_, n) => ({ id: `doc${from + n}`, name, data: "x".repeat(200) })));

/** A process with a bus in the folder of `webserver`, caught up. */
async function follower(t: TestContext, webserver: string): Promise<{ child: ChildProcess; cursor: number }> {
  const child = fork(PROGRAM, [], { execArgv: [] });
  t.after(() => child.kill("SIGKILL"));
  child.send({
    datastore: deployment.datastore.address,
    webserver,
    dir: folder(webserver),
    everyMs: 0,
    lanes: {},
  } satisfies WebserverOrder);
  const [report] = (await once(child, "message")) as [WebserverReport];
  assert.ok("caughtUp" in report, JSON.stringify(report));
  return { child, cursor: report.caughtUp };
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** Opens the folder of `webserver` and catches up. Returns where its pages began, and what it held before. */
async function reopen(webserver: string): Promise<{ bus: Bus; from: number[]; held: number }> {
  await using spy = await hearRequests(deployment);
  const bus = await connectBus({ datastore: deployment.datastore.address, webserver, dir: folder(webserver), updateInterval: 1 });
  const held = bus.status().cursor;
  await patient(bus).caughtUp();
  await spy.settle();
  const pages = spy.requests.filter((request) => request.verb === "changes" && request.webserver === webserver);
  // A page that is slow to come is asked for once more.
  return { bus, held, from: [...new Set(pages.map(({ body }) => Number(body.after)))] };
}

describe("a replica", () => {
  before(async () => {
    deployment = await deploy({ webservers: 1, bus: { updateInterval: 1 } });
    writer = deployment.buses[0] as Bus;
    await write(0, DOCS, "first");
    await dashboards(writer).delete("doc7");
    await writer.collection("preferences").put({ uid: 1, name: "prefs", data: { a: 1 } });
  });
  after(() => deployment[Symbol.asyncDispose]());

  it("that was closed is whole without a datastore, and reads on from its position", async () => {
    const first = await deployment.connect("closed");
    await first.close();
    const { cursor } = first.status();
    const offline = await connectBus({ datastore: NOWHERE, webserver: "closed", dir: folder("closed") });
    assert.equal(offline.status().cursor, cursor);
    assert.equal((await dashboards(offline).list({ limit: 1000 })).items.length, DOCS - 1);
    assert.deepEqual((await offline.digests()).digests, (await writer.digests()).digests);
    await offline.close();

    await write(DOCS, 20, "while it was closed");
    await dashboards(writer).delete("doc8");
    const { bus, from, held } = await reopen("closed");
    assert.deepEqual([held, from], [cursor, [cursor]]);
    assert.equal(await dashboards(bus).get("doc8"), undefined);
    await assertEqualReplicas([writer, bus]);
    const { gaps, dropped, resyncs } = bus.status().counters;
    assert.deepEqual({ gaps, dropped, resyncs }, { gaps: 0, dropped: 0, resyncs: 0 });
    await bus.close();
  });

  it("whose process was killed has its last snapshot, and reads on from there", async (t) => {
    const { child, cursor } = await follower(t, "killed");
    const file = join(folder("killed"), "webstore.db");
    await eventually("its snapshot is written", 60_000, () => existsSync(file));
    const before = readFileSync(file);
    await write(0, 10, "second");
    await eventually("the next one, too", 60_000, () => !readFileSync(file).equals(before));
    await killed(child);
    await write(10, 10, "third");
    const { bus, from, held } = await reopen("killed");
    assert.ok(held > cursor, "the second snapshot");
    assert.deepEqual(from, [held]);
    assert.deepEqual(warningsOf(bus), []);
    await assertEqualReplicas([writer, bus]);
    assert.ok(readdirSync(folder("killed")).every((name) => !name.includes("damaged")));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    await bus.close();
  });

  it("whose process was killed before its first snapshot, or while it wrote one, is made anew or goes on", async (t) => {
    for (let round = 0; round < 3; round++) {
      const { child } = await follower(t, "killed-early");
      // A snapshot is due a second after the last change: this is around it.
      if (round > 0)
        await eventually("around the snapshot", 60_000, () =>
          readdirSync(folder("killed-early")).some((name) => name.includes(".db")),
        );
      await killed(child);
      await write(round, 1, `round ${round}`);
    }
    const { bus } = await reopen("killed-early");
    assert.deepEqual(warningsOf(bus), []);
    await assertEqualReplicas([writer, bus]);
    assert.equal(bus.status().counters.resyncs, 0);
    await bus.close();
  });

  it("has one bus: a second one, here or in another process, is refused until the first is gone, whatever way", async (t) => {
    const options = { datastore: NOWHERE, webserver: "one", dir: folder("one") };
    const first = await connectBus(options);
    await assert.rejects(connectBus(options), { code: "DIR_IN_USE", retryable: false });
    await assert.rejects(connectBus({ ...options, dir: join(folder("one"), "..", "one") }), { code: "DIR_IN_USE" });
    const other = fork(PROGRAM, [], { execArgv: [] });
    other.send({ ...options, everyMs: 0, lanes: {} } satisfies WebserverOrder);
    const [report] = (await once(other, "message")) as [WebserverReport];
    assert.match("failed" in report ? report.failed : "", /in use by process/);
    await first.close();
    const { child } = await follower(t, "one");
    await assert.rejects(connectBus(options), { code: "DIR_IN_USE", message: new RegExp(`process ${child.pid}`) });
    await killed(child);
    await (await connectBus(options)).close();
  });
});
