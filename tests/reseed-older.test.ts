// Goal: an older store, a tail that was lost and grew again, and a store that is another one wait for an operator; nothing is deleted anywhere. The
// operator's word then holds for all: the webservers bring the store forward, or take over its state and keep aside what they give up.
// Method: real webservers on copies of the store's folder, and the command.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { Bus } from "../bus/index.ts";
import { figures, frontsync } from "./support/command.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { makeUser } from "./support/people.ts";
import { documents, type Reseeding, reseeding, until, warningOf } from "./support/reseeding.ts";

const dashboards = (bus: Bus) => bus.collection("dashboards");
const reseed = (store: Reseeding["store"], ...args: string[]) =>
  figures<Record<string, unknown>>("reseed", ...args, "--datastore", store.datastore.address);

const COPY = { collection: "dashboards", docId: "both", losing: {}, base: 1, winner: 2, by: 0, at: "2026-01-01T00:00:00Z" };

/** Notes down what a webserver tells of its dashboards, until the test ends. */
function listen(t: TestContext, bus: Bus, since?: number): string[] {
  const seen: string[] = [];
  const end = new AbortController();
  t.after(() => end.abort());
  void (async () => {
    const changes = dashboards(bus).changes({ signal: end.signal, ...(since !== undefined && { since }) });
    for await (const { id, op } of changes) seen.push(`${op} ${id}`);
  })();
  return seen;
}

/** web1 and web2 know more than the store, which is an older copy that has grown again past them. */
async function older(
  { store, open }: Reseeding,
  meanwhile?: (web1: Bus) => Promise<unknown>,
): Promise<{ web1: Bus; web2: Bus; fresh: Bus; uid: number }> {
  const [web1, web2] = [await open("web1"), await open("web2")];
  await web1.caughtUp();
  for (const id of ["same", "edited", "deleted", "both", "early"]) await dashboards(web1).put({ id, name: "before" });
  const uid = await makeUser(web1, { user: "maria" });
  await web2.caughtUp();
  await store.stop();
  await store.save("older");
  await store.start();
  await until(web1, "synced");
  await dashboards(web1).put({ id: "edited", name: "after" });
  await dashboards(web1).delete("deleted");
  await dashboards(web1).put({ id: "both", name: "lost" });
  await web1.collection("conflicts").put({ ...COPY, id: "lost" });
  const { revision } = await dashboards(web1).put({ id: "lost", name: "lost" });
  await web2.caughtUp(revision);
  await store.stop();
  await store.replaceBy("older", "newest");
  if (meanwhile) {
    await until(web1, "degraded");
    await meanwhile(web1);
  }
  await store.start();
  await until(web1, "held");
  await until(web2, "held");
  const fresh = await open("fresh");
  await fresh.caughtUp();
  // At a revision that web1 and web2 know of the other tail.
  await dashboards(fresh).delete("early");
  for (let n = 0; n < 8; n++) await dashboards(fresh).put({ id: "both", name: `grown ${n}` });
  return { web1, web2, fresh, uid };
}

describe("an older store", { concurrency: 2 }, () => {
  it("is brought forward by its webservers at an operator's word", async (t) => {
    await reseeding(t, async (scene) => {
      // What waits goes up later, under a higher number than web1's write that loses: that one is not a part of it.
      const wait = (bus: Bus) => dashboards(bus).patch("both", { description: "it waited" });
      const { web1, web2, fresh, uid } = await older(scene, wait);
      await eventually("said what to do", 60_000, () => /--accept.*--replace/s.test(warningOf(web1, "HELD")));
      assert.equal((await dashboards(web1).get("both"))?.doc.name, "lost");
      const seen: string[] = [];
      const end = new AbortController();
      const changes = dashboards(fresh).changes({ signal: end.signal });
      void (async () => {
        for await (const { id, op } of changes) seen.push(`${op} ${id}`);
      })();
      const told = await reseed(scene.store, "--accept");
      assert.equal(told.code, 0, told.stderr);
      for (const bus of [web1, web2, fresh]) await bus.caughtUp(null, { timeoutMs: 60_000 });
      await assertEqualReplicas([web1, web2, fresh]);
      const now = await documents(fresh, "dashboards");
      assert.deepEqual(Object.keys(now).sort(), ["both", "edited", "lost", "same"]);
      assert.deepEqual([now.both?.name, now.edited?.name, now.lost?.name], ["grown 7", "after", "lost"]);
      assert.equal(now.both?.description, "it waited");
      await eventually("told", 60_000, () => seen.includes("delete deleted"));
      // What lost to a later version is not lost.
      assert.match(readFileSync(join(scene.dir, "web1", "recovery.jsonl"), "utf8"), /"both".*lost/);
      assert.equal((await makeUser(web1)) - uid, 10_000);
      end.abort();
    });
  });

  it("is taken over as it is at an operator's word, and what is given up is kept aside", async (t) => {
    await reseeding(t, async (scene) => {
      const { web1, web2, fresh } = await older(scene);
      const before = await documents(fresh, "dashboards");
      const readers = [listen(t, web1), listen(t, web1, 0)];
      assert.equal(web1.status().conflicts, 1);
      await eventually("it has begun to read", 60_000, () => readers[1]?.includes("put lost"));
      const told = await reseed(scene.store, "--replace");
      assert.equal(told.code, 0, told.stderr);
      for (const bus of [web1, web2, fresh]) await bus.caughtUp(null, { timeoutMs: 60_000 });
      await assertEqualReplicas([web1, web2, fresh]);
      assert.deepEqual(await documents(web1, "dashboards"), before);
      assert.ok("deleted" in before);
      for (const seen of readers) {
        await eventually("what was deleted there is told", 60_000, () => seen.includes("delete early"));
        assert.ok(!seen.includes("delete lost"), "what was given up nobody has deleted");
      }
      await eventually("counted", 60_000, () => web1.status().conflicts === 0);
      await eventually("said", 60_000, () => warningOf(web1, "SET_ASIDE").includes("recovery"));
      const kept = readFileSync(join(scene.dir, "web1", "recovery.jsonl"), "utf8");
      for (const what of ['"lost"', '"edited"', '"deleted"', '"both"']) assert.ok(kept.includes(what), what);
      assert.ok(!kept.includes('"same"'));
      // The word is over: another older state is a new question.
      await dashboards(web1).put({ id: "later", name: "later" });
    });
  });
});

it("a store of another deployment is never mixed with by itself, and a lost key needs an operator", async (t) => {
  await reseeding(t, async ({ store, open, wipe }) => {
    const web1 = await open("web1");
    const bare = await open("bare");
    await Promise.all([web1.caughtUp(), bare.caughtUp()]);
    await bare.close();
    await dashboards(web1).put({ id: "mine", name: "mine" });
    await makeUser(web1, { user: "berta" });
    const uid = await makeUser(web1, { user: "anna" });
    await store.stop();
    await wipe({ keys: false });
    await store.start();
    await eventually("said what is lost", 60_000, () => warningOf(web1, "HELD").includes("keys.json"));
    const web2 = await open("web2");
    await web2.caughtUp();
    await dashboards(web2).put({ id: "theirs", name: "theirs" });
    await makeUser(web2, { user: "Anna" });
    await eventually("said that it is another one", 60_000, () => warningOf(web1, "HELD").includes("data of its own"));
    assert.equal(web1.status().state, "held");
    // Who waits until it has caught up asks no more than the check-ins do.
    const asked = web1.status().counters.checkIns;
    await assert.rejects(web1.caughtUp(null, { timeoutMs: 2000 }), { code: "HELD" });
    assert.ok(web1.status().counters.checkIns - asked < 40, `${web1.status().counters.checkIns - asked} check-ins`);
    assert.deepEqual(
      [Object.keys(await documents(web1, "dashboards")), Object.keys(await documents(web2, "dashboards"))],
      [["mine"], ["theirs"]],
    );
    const again = await open("bare");
    // It has nothing that anybody made.
    await until(again, "synced");
    const look = await reseed(store);
    assert.equal(look.code, 0);
    assert.equal((look.held as { webserver: string }[])[0]?.webserver, "web1");
    const { code, stdout, stderr } = await frontsync("reseed", "--accept", "--datastore", store.datastore.address);
    assert.equal(code, 0, stdout);
    assert.match(stderr, new RegExp(`The user ${uid} is stored as 'anna~${uid}', and locked`));
    await web1.caughtUp(null, { timeoutMs: 60_000 });
    await assertEqualReplicas([web1, web2, again]);
    assert.deepEqual(Object.keys(await documents(web1, "dashboards")).sort(), ["mine", "theirs"]);
  });
});
