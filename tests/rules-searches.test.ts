// Goal: a search history has an end, says nothing twice, and is cleared for good; nobody else's changes by it. Method: two webservers and two
// handlers; the store's own messages say that the cap leaves no tombstones.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bus, Search } from "../bus/index.ts";
import { type Asker, asker } from "./support/asking.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { assertEqualReplicas, storedVersions } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { makeUser } from "./support/people.ts";

const MOST = 100;

let deployment: Deployment;
let a: Bus;
let b: Bus;
let raw: Asker;

before(async () => {
  deployment = await deploy({ webservers: 2, handlers: 2 });
  [a, b] = deployment.buses as [Bus, Bus];
  raw = await asker(deployment, "raw");
});
after(() => deployment[Symbol.asyncDispose]());

const put = (bus: Bus, uid: number, userQuery: string, more: Partial<Search> = {}) =>
  bus
    .asUser(uid)
    .collection("searches")
    .put({ userQuery, ...more });

/** The queries that a user sees on a webserver, the newest first. */
async function history(bus: Bus, uid: number): Promise<string[]> {
  await bus.caughtUp();
  const { items } = await bus.asUser(uid).collection("searches").list({ limit: 1000 });
  return items.toSorted((x, y) => y.revision - x.revision).map(({ doc }) => doc.userQuery);
}

const tombstones = async (uid: number) =>
  (await storedVersions(deployment)).filter(
    ({ subject, deleted }) => deleted && subject.startsWith(`$KV.datastore.searches.${uid}=`),
  );

const named = (prefix: string, from: number, to: number) => Array.from({ length: to - from }, (_, n) => `${prefix}${to - 1 - n}`);

describe("a search history", () => {
  it("keeps the last 100, without a tombstone, and each entry is a new document", async () => {
    const [uid, other] = [await makeUser(a), await makeUser(a)];
    await a.caughtUp();
    await b.caughtUp();
    await put(b, other, "other's");
    const began = Date.now();
    for (let n = 0; n < MOST; n++) await put(n % 2 ? a : b, uid, `q${n}`);
    assert.deepEqual(await history(b, uid), named("q", 0, MOST));
    const full = new Date().toISOString();
    for (let n = MOST; n < MOST + 30; n++) await put(n % 2 ? a : b, uid, `q${n}`);
    for (const bus of [a, b]) assert.deepEqual(await history(bus, uid), named("q", 30, MOST + 30));
    assert.deepEqual(await tombstones(uid), []);
    assert.deepEqual(await history(b, other), ["other's"]);
    const { items } = await a.asUser(uid).collection("searches").list({ limit: 1000 });
    for (const { doc } of items) {
      const newer = Number(doc.userQuery.slice(1)) >= MOST;
      assert.equal((doc.createdAt ?? "") >= full, newer, `${doc.userQuery} was made at ${doc.createdAt}`);
      assert.ok(Date.parse(doc.createdAt ?? "") >= began - 1000);
    }
  });

  it("moves the same search to the newest; another effective query is another search", async () => {
    const uid = await makeUser(a);
    await a.caughtUp();
    await b.caughtUp();
    const at = (second: number) => new Date(1_700_000_000_000 + second * 1000).toISOString();
    const first = await put(a, uid, "same", { launched: at(1), webserver: "web1" });
    await put(a, uid, "between");
    const again = await put(b, uid, "same", { launched: at(2), webserver: "web2" });
    assert.equal(again.id, first.id);
    assert.ok((again.revision ?? 0) > (first.revision ?? 0));
    assert.deepEqual(await history(a, uid), ["same", "between"]);
    const { doc } = (await a.collection("searches").get(first.id)) ?? assert.fail();
    assert.deepEqual([doc.launched, doc.webserver], [at(2), "web2"]);
    await put(a, uid, "same", { effectiveQuery: "same | limit 10" });
    assert.deepEqual(await history(b, uid), ["same", "same", "between"]);
  });

  it("has an entry once for a mutation id, and a new one where none must be", async () => {
    const uid = await makeUser(a);
    await a.caughtUp();
    for (let n = 0; n < MOST; n++) await raw.ask("put", "searches", { doc: { uid, userQuery: `q${n}` } });
    const doc = { uid, userQuery: "once" };
    const first = await raw.ask("put", "searches", { doc, mutation: "once:1", ifRevision: 0 });
    assert.equal(first.code, undefined, "there is no such entry, whatever is in its place");
    await raw.ask("put", "searches", { doc: { uid, userQuery: "later" } });
    assert.deepEqual(await raw.ask("put", "searches", { doc, mutation: "once:1", ifRevision: 0 }), first);
    assert.deepEqual((await history(a, uid)).slice(0, 3), ["later", "once", "q99"]);
  });

  it("is cleared everywhere, its places are used again, and others' stays", async () => {
    const [uid, other] = [await makeUser(a), await makeUser(a)];
    await a.caughtUp();
    await b.caughtUp();
    for (let n = 0; n < 20; n++) await put(a, uid, `old${n}`);
    await put(b, other, "other's");
    const { cleared, revision } = await b.call("searches.clear", { uid }, { by: uid, mutationId: "clear:1" });
    assert.equal(cleared, 20);
    await a.caughtUp(revision);
    for (const bus of [a, b]) assert.deepEqual(await history(bus, uid), []);
    assert.equal((await tombstones(uid)).length, 20);
    for (let n = 0; n < 25; n++) await put(a, uid, `new${n}`);
    assert.equal((await tombstones(uid)).length, 0, "the places are taken again");
    // What came after a clearing is not its business, however often it is asked for.
    await b.call("searches.clear", { uid }, { by: uid, mutationId: "clear:1" });
    assert.deepEqual(await history(b, uid), named("new", 0, 25));
    assert.deepEqual(await history(a, other), ["other's"]);
    await assertEqualReplicas([a, b]);
  });

  it("keeps what ran last, in whatever order it comes, and says of a same search when that was", async () => {
    const uid = await makeUser(a);
    await a.caughtUp();
    const at = (second: number) => new Date(1_700_000_000_000 + second * 1000).toISOString();
    const order = Array.from({ length: MOST + 50 }, (_, n) => (n * 77) % (MOST + 50));
    for (const n of order) {
      const stored = await raw.ask("put", "searches", { doc: { uid, userQuery: `q${n}`, launched: at(n) } });
      assert.equal(stored.code, undefined);
    }
    await raw.ask("put", "searches", { doc: { uid, userQuery: "q149", launched: at(0) } });
    await a.caughtUp();
    const { items } = await a.asUser(uid).collection("searches").list({ limit: 1000, sort: "-launched" });
    assert.deepEqual(
      items.map(({ doc }) => doc.userQuery),
      named("q", 50, MOST + 50),
    );
    // Whoever does not say when it ran, runs it now.
    await put(a, uid, "now");
    assert.deepEqual((await history(a, uid)).slice(0, 1), ["now"]);
    assert.ok(!(await history(a, uid)).includes("q50"));
  });

  it("takes an entry for one that it has by its own mutation alone, not by a later one of its webserver", async () => {
    const uid = await makeUser(a);
    await a.caughtUp();
    const asked = (n: number) => raw.ask("put", "searches", { doc: { uid, userQuery: `q${n}` }, mutation: `raw.one.${n}` });
    for (let n = 2; n <= MOST + 1; n++) assert.equal((await asked(n)).code, undefined);
    const late = await asked(1);
    assert.deepEqual((await history(a, uid)).slice(0, 2), ["q1", `q${MOST + 1}`]);
    assert.deepEqual(await asked(1), late);
    // The place remembers the later number, too.
    await raw.ask("put", "searches", { doc: { uid, slot: 0, userQuery: "no" }, mutation: "raw.one.2" });
    assert.ok(!(await history(a, uid)).includes("no"));
  });

  it("says who cleared it", async () => {
    const uid = await makeUser(a);
    await a.caughtUp();
    await put(a, uid, "q");
    const changes = a.collection("searches").changes();
    await a.call("searches.clear", { uid }, { by: 1 });
    const { value } = await changes.next();
    assert.deepEqual([value?.op, value?.by], ["delete", 1]);
    await changes.return?.();
  });
});

describe("a search history that was made without contact", () => {
  it("is taken over in its order, by two handlers", async () => {
    await using own = await deploy({ webservers: 2, handlers: 2 });
    const [alone, other] = own.buses as [Bus, Bus];
    const uid = await makeUser(alone);
    await alone.caughtUp();
    await own.stopDatastore();
    await eventually("there is no contact", 60_000, () => alone.status().state === "degraded" || undefined);
    for (let n = 0; n < MOST + 50; n++) await put(alone, uid, `q${n}`);
    await own.restartDatastore();
    await alone.caughtUp();
    assert.deepEqual(await alone.deadLetters.list(), []);
    assert.deepEqual(await history(other, uid), named("q", 50, MOST + 50));
    const docs = Array.from({ length: MOST + 50 }, (_, n) => ({ userQuery: `m${n}` }));
    await alone.asUser(uid).collection("searches").putMany(docs);
    await alone.caughtUp();
    assert.deepEqual(await history(other, uid), named("m", 50, MOST + 50));
  });
});

describe("a search history of a set length", () => {
  it("keeps so many entries, after a change as many as then, and is cleared as a whole", async () => {
    await using own = await deploy({ webservers: 1, maxSearchHistory: 5 });
    const [bus] = own.buses as [Bus];
    const uid = await makeUser(bus);
    await bus.caughtUp();
    for (let n = 0; n < 8; n++) await put(bus, uid, `q${n}`);
    assert.deepEqual(await history(bus, uid), named("q", 3, 8));
    const restarted = async (maxSearchHistory: number) => {
      await own.restartDatastore({ maxSearchHistory });
      await bus.caughtUp(null, { timeoutMs: 60_000 });
    };
    await restarted(102);
    for (let n = 8; n < 110; n++) await put(bus, uid, `q${n}`);
    assert.deepEqual(await history(bus, uid), named("q", 8, 110));
    await restarted(2);
    await bus.call("searches.clear", { uid }, { by: uid });
    assert.deepEqual(await history(bus, uid), []);
    for (let n = 0; n < 4; n++) await put(bus, uid, `r${n}`);
    assert.deepEqual(await history(bus, uid), named("r", 2, 4));
  });

  it("is refused outside its limits", async () => {
    for (const maxSearchHistory of [0, 1001, 1.5]) await assert.rejects(deploy({ maxSearchHistory }), { code: "BAD_CONFIG" });
  });
});
