// Goal: changes() tells every committed change in order, own ones too, from wherever its reader wants to go on, and keeps no queue for
// a slow one. Method: two webservers on one datastore; readers that begin at different revisions, that are slow, that are ended.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { after, before, describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Bus, Change, Dashboard } from "../bus/index.ts";
import { within } from "../bus/platform/deadline.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Of a document, characters. */
const LARGE = 400_000;

let deployment: Deployment;
let [a, b]: Bus[] = [];

function dashboards(bus: Bus | undefined) {
  assert.ok(bus);
  return bus.collection("dashboards");
}

/** The next `count` changes. */
async function read(changes: AsyncIterableIterator<Change<Dashboard>>, count: number): Promise<Change<Dashboard>[]> {
  const found: Change<Dashboard>[] = [];
  const reading = (async () => {
    while (found.length < count) {
      const { done, value } = await changes.next();
      if (done) return;
      found.push(value as Change<Dashboard>);
    }
  })();
  await within(reading, `Reading ${count} changes`, { timeoutMs: 60_000 });
  return found;
}

const short = ({ op, id, doc }: Change<Dashboard>) => `${op} ${id}${doc ? ` ${doc.name}` : ""}`;

describe("changes()", () => {
  before(async () => {
    deployment = await deploy({ webservers: 2, handlers: 2, bus: { updateInterval: 1 } });
    [a, b] = deployment.buses;
  });
  after(() => deployment[Symbol.asyncDispose]());

  it("tells what is committed after the call, own changes and others', in order, with who and when", async () => {
    const changes = dashboards(a).changes();
    const first = await dashboards(a).put({ id: "c1", name: "own" });
    const found = await read(changes, 1);
    await b?.caughtUp(first.revision);
    const second = await dashboards(b).put({ id: "c2", name: "other's" });
    await b?.collection("preferences").put({ uid: 1, name: "of another collection" });
    found.push(...(await read(changes, 1)));
    await a?.caughtUp(second.revision);
    const third = await dashboards(a).patch("c2", { name: "own again" });
    const fourth = await dashboards(a).delete("c1");
    found.push(...(await read(changes, 2)));
    assert.deepEqual(found.map(short), ["put c1 own", "put c2 other's", "put c2 own again", "delete c1"]);
    assert.deepEqual(
      found.map(({ revision }) => revision),
      [first, second, third, fourth].map(({ revision }) => revision),
    );
    for (const { by, at, doc } of found) {
      assert.equal(by, 0);
      assert.ok(doc === undefined || doc.updatedAt === at);
    }
    await changes.return?.();
    assert.equal((await changes.next()).done, true);
  });

  it("since 0 tells every document that exists once, then what comes; since a revision goes on after it", async () => {
    const { revision } = await dashboards(a).put({ id: "s1", name: "one" });
    await dashboards(a).put({ id: "s2", name: "two" });
    await dashboards(a).put({ id: "s3", name: "gone" });
    await dashboards(a).delete("s3");
    await dashboards(a).put({ id: "s1", name: "one more" });
    const existing = (await dashboards(a).list({ limit: 1000 })).items;
    const all = dashboards(a).changes({ since: 0 });
    const found = await read(all, existing.length);
    assert.deepEqual(
      found.map((change) => [change.id, change.revision]),
      existing.map((entry) => [entry.id, entry.revision]).sort(([, x], [, y]) => Number(x) - Number(y)),
    );
    assert.ok(
      found.every(({ op }) => op === "put"),
      "what was deleted before is no news",
    );
    await dashboards(a).delete("s2");
    assert.deepEqual((await read(all, 1)).map(short), ["delete s2"]);

    const later = dashboards(a).changes({ since: revision ?? 0 });
    assert.deepEqual((await read(later, 3)).map(short), ["delete s3", "put s1 one more", "delete s2"], "the last of each");
    await Promise.all([all.return?.(), later.return?.()]);
  });

  it("gives a slow reader the last version of each document, and nobody else waits for it", async () => {
    await b?.caughtUp();
    const slow = dashboards(b).changes();
    const quick = dashboards(b).changes();
    for (let n = 0; n < 150; n++) await dashboards(a).put({ id: `slow${n % 3}`, name: `${n}` });
    const last = await dashboards(a).put({ id: "slow end", name: "end" });
    await b?.caughtUp(last.revision);
    const found = await read(slow, 4);
    assert.deepEqual(found.map(short), ["put slow0 147", "put slow1 148", "put slow2 149", "put slow end end"]);
    const [next] = await read(quick, 1);
    assert.equal(next && short(next), "put slow0 147");
    await Promise.all([slow.return?.(), quick.return?.()]);
  });

  it("holds next to nothing for a slow reader of large documents, recent ones and older ones", async () => {
    const large = (n: number) => ({ id: `large${n}`, name: `${n}`, data: { text: "x".repeat(LARGE) } });
    const { revision: begin } = await dashboards(a).put({ id: "before large", name: "b" });
    const readers = (bus: Bus | undefined) => Array.from({ length: 20 }, () => dashboards(bus).changes({ since: begin ?? 0 }));
    const recent = readers(a);
    for (let n = 0; n < 12; n++) await dashboards(a).put(large(n));
    // It has only just come: for its readers these are older ones.
    const late = await deployment.connect("late");
    const all = [...recent, ...readers(late)];
    collect();
    const before = process.memoryUsage().heapUsed;
    for (const reader of all) assert.equal((await reader.next()).value?.id, "large0");
    collect();
    const held = (process.memoryUsage().heapUsed - before) / all.length;
    assert.ok(held < 4 * LARGE, `each reader holds ${Math.round(held / 1024)} KiB`);
    const found = await read(all.at(-1) as AsyncIterableIterator<Change<Dashboard>>, 11);
    assert.deepEqual(
      found.map(({ id }) => id),
      Array.from({ length: 11 }, (_, n) => `large${n + 1}`),
    );
    for (const reader of all) await reader.return?.();
    await late.close();
  });

  it("ends when its signal aborts, when its reader leaves, and when the bus is closed; a bad `since` is refused", async () => {
    const over = new AbortController();
    const aborted = dashboards(a).changes({ signal: over.signal });
    const waiting = aborted.next();
    over.abort();
    assert.deepEqual(await waiting, { done: true, value: undefined });
    assert.equal((await dashboards(a).changes({ signal: AbortSignal.abort() }).next()).done, true);

    // Nobody holds their signals, and the collector runs.
    const timed = Array.from({ length: 50 }, () =>
      dashboards(a)
        .changes({ signal: AbortSignal.timeout(100) })
        .next(),
    );
    await new Promise(setImmediate);
    collect();
    const all = within(Promise.all(timed), "Ending", { timeoutMs: 60_000 });
    assert.ok((await all).every(({ done }) => done));
    assert.equal(getEventListeners(over.signal, "abort").length, 0);

    const left = dashboards(a).changes();
    const pending = left.next();
    assert.deepEqual(await left.return?.(), { done: true, value: undefined });
    assert.equal((await pending).done, true);

    const shortLived = await deployment.connect("web3");
    const found: string[] = [];
    const reading = (async () => {
      for await (const change of shortLived.collection("dashboards").changes({ since: 0 })) found.push(change.id);
    })();
    await eventually("it has begun to read", 60_000, () => found.length > 0);
    await shortLived.close();
    await reading;
    const next = async () => await dashboards(a).changes({ since: -1 }).next();
    await assert.rejects(next, { code: "BAD_MESSAGE", path: "/since" });
  });

  it("misses nothing of a flood, and repeats nothing", async () => {
    await b?.caughtUp();
    const changes = dashboards(b).changes();
    const total = 1200;
    const writing = dashboards(a).putMany(Array.from({ length: total }, (_, n) => ({ id: `flood${n}`, name: `${n}` })));
    const found = await read(changes, total);
    const revisions = found.map(({ revision }) => revision);
    assert.deepEqual(
      revisions,
      [...new Set(revisions)].sort((x, y) => x - y),
    );
    const stored = (await writing).map((result) => (result instanceof Error ? 0 : (result.revision ?? 0)));
    assert.deepEqual(
      revisions,
      stored.sort((x, y) => x - y),
    );
    await changes.return?.();
  });
});
