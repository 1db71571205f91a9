// Goal: a webserver of the previous version works with the current datastore, beside current webservers. Method: a webserver that speaks the
// previous messages over raw NATS and checks strictly all that it gets; every request that there was, every refusal, live and by pages.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bus } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { PreviousWebserver } from "./support/previous-webserver.ts";
import { digestsOf } from "./support/previous-wire.ts";

let deployment: Deployment;
let bus: Bus;
let old: PreviousWebserver;

describe("a webserver of the previous version", () => {
  before(async () => {
    deployment = await deploy({ webservers: 1, handlers: 2, bus: { updateInterval: 0.5 } });
    bus = deployment.buses[0] as Bus;
    old = new PreviousWebserver(await deployment.rawWebserver("old"), "old");
  });
  after(() => deployment[Symbol.asyncDispose]());

  /** Until it has heard of a revision. */
  const heard = (revision: number | null) =>
    eventually(`it hears of ${revision}`, 60_000, () => [...old.held.values()].some((one) => one.revision === revision));

  it("checks in, is told of the others, and is in their peers", async () => {
    assert.equal((await old.checkIn()).position, "good");
    // Both handlers hear of a webserver, the one that it asked first.
    const { peers } = await eventually("it is told of web1", 60_000, async () => {
      const reply = await old.checkIn();
      return reply.peers.length > 0 && reply;
    });
    assert.deepEqual(
      peers.map(({ webserver }) => webserver),
      ["web1"],
    );
    await eventually("web1 knows it", 60_000, () => bus.status().peers.some(({ webserver }) => webserver === "old"));
  });

  it("puts, patches and deletes, and hears what a current webserver writes", async () => {
    const put = await old.write("put", "dashboards", { doc: { id: "d", name: "one", data: { a: 1 } }, base: 0 });
    await bus.caughtUp(put.revision);
    assert.equal((await bus.collection("dashboards").get("d"))?.doc.name, "one");
    const patched = await bus.collection("dashboards").patch("d", { data: { b: 2 } });
    await heard(patched.revision);
    assert.deepEqual(old.doc("dashboards", "d")?.data, { a: 1, b: 2 });

    const diff = [{ path: "/data/c", new: 3 }];
    const stale = { id: "d", merge: { data: { c: 3 } }, base: put.revision, diff };
    const merged = await old.write("patch", "dashboards", stale);
    await bus.caughtUp(merged.revision);
    assert.deepEqual((await bus.collection("dashboards").get("d"))?.doc.data, { a: 1, b: 2, c: 3 });

    const deleted = await old.write("delete", "dashboards", { id: "d", base: merged.revision });
    await heard(deleted.revision);
    await bus.caughtUp(deleted.revision);
    assert.deepEqual([await bus.collection("dashboards").get("d"), old.doc("dashboards", "d")], [undefined, undefined]);
  });

  it("is refused as it was then, and a retry has one effect", async () => {
    const { revision } = await old.write("put", "dashboards", { doc: { id: "r", name: "one" } });
    const conflict = old.write("put", "dashboards", { doc: { id: "r", name: "two" }, ifRevision: revision - 1 });
    await assert.rejects(conflict, (refusal: Record<string, unknown>) => {
      const current = refusal.current as { revision: number; doc: { name: string } };
      assert.deepEqual([refusal.code, current.revision, current.doc.name], ["REVISION_CONFLICT", revision, "one"]);
      return true;
    });
    await assert.rejects(old.write("patch", "dashboards", { id: "never", merge: {} }), { code: "NOT_FOUND" });
    await assert.rejects(old.write("put", "dashboards", { doc: { id: "r", name: 1 } }), {
      code: "SCHEMA_INVALID",
      path: "/name",
    });
    const mutation = old.nextMutation();
    const again = { mutation, doc: { id: "r", name: "again" } };
    assert.deepEqual(await old.write("put", "dashboards", again), await old.write("put", "dashboards", again));
  });

  it("writes in batches, each write for itself", async () => {
    const put = (id: string, name: unknown) => ({
      collection: "dashboards",
      put: { mutation: old.nextMutation(), by: 0, doc: { id, name } },
    });
    const results = await old.batch([
      ...Array.from({ length: 50 }, (_, n) => put(`b${n}`, "n")),
      put("bad", 1),
      { collection: "dashboards", patch: { mutation: old.nextMutation(), by: 0, id: "b0", merge: { name: "patched" } } },
      { collection: "dashboards", delete: { mutation: old.nextMutation(), by: 0, id: "never" } },
    ]);
    assert.ok(results.slice(0, 50).every(({ stored }) => Number(stored?.revision) > 0));
    assert.deepEqual(
      results.slice(50).map(({ stored, refused }) => (stored ? "stored" : refused?.code)),
      ["SCHEMA_INVALID", "stored", "NOT_FOUND"],
    );
  });

  it("holds by pages what it has heard live, and the digests say that nothing is missing", async () => {
    await bus.collection("preferences").put({ uid: 1, name: "p" });
    await bus.caughtUp();
    const late = new PreviousWebserver(await deployment.rawWebserver("late"), "late");
    await late.catchUp();
    await old.catchUp();
    const { cursor, digests } = await bus.digests();
    assert.deepEqual([late.cursor, old.cursor], [cursor, cursor]);
    const none = (all: Record<string, string>) =>
      Object.entries(all)
        .filter(([, digest]) => !/^0+$/.test(digest))
        .sort();
    for (const webserver of [late, old]) {
      assert.deepEqual(none(digestsOf(webserver.held.values())), none(digests));
      const { digests: told, position } = await eventually("a handler knows the digests there", 60_000, async () => {
        const reply = await webserver.checkIn();
        return reply.digests && reply;
      });
      assert.equal(position, "good");
      assert.deepEqual(none(told ?? {}), none(digests));
      assert.deepEqual(webserver.faults, []);
    }
  });
});
