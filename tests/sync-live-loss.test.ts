// Goal: a live message that is lost on the wire is missed within one interval, whichever it is, and read. Method: the hook in the wire
// loses chosen messages of both webservers, which live in this process; the counters say how the loss was found.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { Bus, Counters } from "../bus/index.ts";
import { hooks } from "../bus/wire/hooks.ts";
import { LIVE_HEAD, liveSubject } from "../bus/wire/subjects.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { dice } from "./support/faults-random.ts";
import { eventually } from "./support/nats-server-kit.ts";

const isDocument = (id: string) => (subject: string) => subject === liveSubject("dashboards").replace(">", id);

let deployment: Deployment;
let writer: Bus;
let reader: Bus;

/** Both webservers have what there is, and check in not before `seconds` have gone by. */
async function quiet(seconds = 3600): Promise<Counters> {
  hooks.loseLive = undefined;
  for (const bus of [writer, reader]) {
    bus.setUpdateInterval(seconds);
    await bus.caughtUp();
  }
  return reader.status().counters;
}

async function has(bus: Bus, id: string): Promise<boolean> {
  return (await bus.collection("dashboards").get(id)) !== undefined;
}

describe("a lost live message", () => {
  before(async () => {
    deployment = await deploy({ webservers: 2, bus: { updateInterval: 3600 } });
    [writer, reader] = deployment.buses as [Bus, Bus];
  });
  after(() => deployment[Symbol.asyncDispose]());
  afterEach(() => {
    hooks.loseLive = undefined;
  });

  it("in the middle is found by the next one", async () => {
    const before = await quiet();
    const isLost = isDocument("lost");
    hooks.loseLive = (subject) => isLost(subject) || subject === LIVE_HEAD;
    const docs = ["one", "lost", "three"].map((id) => ({ id, name: id }));
    const written = await writer.collection("dashboards").putMany(docs);
    for (const result of written) assert.ok(!(result instanceof Error), String(result));
    await eventually("the reader has it", 60_000, () => has(reader, "lost"));
    const { counters } = reader.status();
    assert.deepEqual(
      { ...counters, catchUps: counters.catchUps > before.catchUps },
      { ...before, gaps: before.gaps + 1, dropped: before.dropped + 1, catchUps: true },
    );
    await assertEqualReplicas([writer, reader]);
  });

  it("at the end is found by the head beacon", async () => {
    const before = await quiet();
    hooks.loseLive = isDocument("last");
    await writer.collection("dashboards").put({ id: "last", name: "last" });
    await eventually("the reader has it", 60_000, () => has(reader, "last"));
    assert.deepEqual(reader.status().counters, { ...before, dropped: before.dropped + 1, catchUps: before.catchUps + 1 });
    await assertEqualReplicas([writer, reader]);
  });

  it("is found by the check-in within one interval when every later one is lost, too", async () => {
    const seconds = 1;
    const before = await quiet(seconds);
    hooks.loseLive = () => true;
    const docs = Array.from({ length: 5 }, (_, n) => ({ id: `lost${n}`, name: "lost" }));
    await writer.collection("dashboards").putMany(docs);
    const { checkIns } = reader.status().counters;
    const missed = await eventually("the reader misses something", 60_000, () => {
      const { counters: now } = reader.status();
      return now.dropped > before.dropped && now;
    });
    // One may have been under way; while the grace for what may be on its way runs, another one may come.
    assert.ok(missed.checkIns <= checkIns + 3, `${missed.checkIns - checkIns} check-ins`);
    await eventually("the reader has the last", 60_000, () => has(reader, "lost4"));
    for (const { id } of docs) assert.ok(await has(reader, id), id);
    const { counters } = reader.status();
    assert.ok(counters.catchUps > before.catchUps, JSON.stringify(counters));
    assert.equal(counters.gaps, before.gaps);
    await assertEqualReplicas([writer, reader]);
  });

  it("among many lost ones leaves no difference, and own writes wait for what they are to see", async (t) => {
    const before = await quiet(1);
    const chance = dice(t);
    hooks.loseLive = () => chance.number(0, 1) < 0.2;
    const edit = async (bus: Bus, lane: number) => {
      for (let n = 0; n < 20; n++) {
        const { revision } = await bus.collection("dashboards").put({ id: `d${lane}`, name: `${lane} ${n}` });
        assert.ok(((await bus.collection("dashboards").get(`d${lane}`))?.revision ?? 0) >= (revision ?? Number.NaN));
      }
    };
    await Promise.all(Array.from({ length: 6 }, (_, lane) => edit(lane % 2 === 0 ? writer : reader, lane)));
    await assertEqualReplicas([writer, reader]);
    const { counters } = reader.status();
    assert.ok(counters.dropped > before.dropped && counters.gaps > before.gaps, JSON.stringify(counters));
    assert.equal(counters.resyncs, 0);
  });

  it("that another program made up is no change", async () => {
    await quiet();
    const nats = await deployment.rawFunctions();
    const { cursor } = reader.status();
    nats.publish(liveSubject("dashboards").replace(">", "forged"), JSON.stringify({ id: "forged", name: "forged" }));
    await nats.flush();
    await writer.collection("dashboards").put({ id: "after", name: "after" });
    await eventually("the reader has what came after", 60_000, () => has(reader, "after"));
    assert.equal(await has(reader, "forged"), false);
    assert.equal(reader.status().cursor, cursor + 1);
  });
});
