// Goal: the current webserver works with a datastore of the previous version: it sends nothing that was not known then, and says clearly what
// that datastore can't do. Method: a small datastore that answers the previous messages and notes everything that it must refuse.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Bus, type Collection, connectBus } from "../bus/index.ts";
import { patient } from "./support/deployment.ts";
import { taskFolder } from "./support/evolving.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { PreviousDatastore } from "./support/previous-datastore.ts";
import { warningsOf } from "./support/warnings.ts";

describe("a datastore of the previous version", () => {
  let datastore: PreviousDatastore;
  let buses: Bus[];
  let dashboards: Collection<{ name?: string; data?: object }>[];
  const closing: (() => Promise<unknown>)[] = [];

  before(async () => {
    const dir = await mkdtemp(join(tmpdir(), "frontsync-test-"));
    closing.push(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
    datastore = await PreviousDatastore.start(dir);
    closing.push(() => datastore[Symbol.asyncDispose]());
    const tasks = taskFolder(join(dir, "schemas"), { version: 2, upcast: [{ from: 1 }], fields: { title: { type: "string" } } });
    const open = async (webserver: string) => {
      const options = {
        datastore: datastore.address,
        webserver,
        dir: join(dir, webserver),
        externalAddr: `${webserver}.test:443`,
      };
      const bus = await connectBus({ ...options, updateInterval: 0.2, schemas: [tasks] });
      closing.push(() => bus.close());
      await patient(bus).caughtUp();
      return bus;
    };
    buses = [await open("web1"), await open("web2")];
    dashboards = buses.map((bus) => bus.collection("dashboards") as Collection<{ name?: string; data?: object }>);
  });
  after(async () => {
    for (const close of closing.reverse()) await close();
  });

  it("stores what is written, one by one and in batches, and both webservers hold it", async () => {
    const [web1, web2] = dashboards as [(typeof dashboards)[0], (typeof dashboards)[0]];
    const put = await web1.put({ id: "d", name: "one", data: { a: 1 } } as object);
    await buses[1]?.caughtUp(put.revision);
    assert.equal((await web2.get("d"))?.doc.name, "one");
    const patched = await web2.patch("d", { name: "two" });
    await buses[0]?.caughtUp(patched.revision);
    assert.equal((await web1.get("d"))?.doc.name, "two");
    await assert.rejects(web1.put({ id: "d" } as object, { ifRevision: Number(put.revision) }), { code: "SCHEMA_INVALID" });
    await assert.rejects(web1.patch("d", { name: "x" }, { ifRevision: Number(put.revision) }), { code: "REVISION_CONFLICT" });
    const many = await web1.putMany(Array.from({ length: 300 }, (_, n) => ({ id: `many${n}`, name: "n" })));
    assert.ok(
      many.every((one) => !(one instanceof Error)),
      String(many.find((one) => one instanceof Error)),
    );
    await web1.delete("many0");
    const { revision } = await (buses[0] as Bus).collection("preferences").put({ uid: 1, name: "p" });
    await buses[1]?.caughtUp(revision);
    assert.equal((await web2.list({ limit: 1000 })).items.length, 300);
    assert.deepEqual(datastore.refused, []);
  });

  it("takes writes of a collection whose schema is newer than it knows", async () => {
    const tasks = (buses[0] as Bus).collection("tasks");
    await tasks.put({ id: "t", title: "one" });
    await tasks.patch("t", { title: "two" });
    await tasks.putMany([1, 2, 3].map((n) => ({ id: `t${n}`, title: "n" })));
    await tasks.delete("t");
    assert.deepEqual(datastore.refused, []);
  });

  it("is checked in with, and answers catch-ups: nothing is missing, nothing warned of", async () => {
    const bus = buses[0] as Bus;
    const { checkIns } = bus.status().counters;
    await eventually("it is checked in with", 60_000, () => bus.status().counters.checkIns > checkIns + 2);
    await Promise.all(buses.map((one) => one.caughtUp()));
    const [first, second] = await Promise.all(buses.map(async (one) => (await one.digests()).digests));
    assert.deepEqual(first, second);
    for (const one of buses) {
      await eventually("it is in step", 60_000, () => one.status().state === "synced");
      assert.deepEqual([warningsOf(one), one.status().counters.resyncs], [[], 0]);
    }
    assert.deepEqual(datastore.refused, []);
  });

  it("has no versions: that is said at once, and the webserver stays in contact", async () => {
    await assert.rejects(dashboards[0]?.versions("d") ?? Promise.resolve(), (error: Error & { code?: string }) => {
      assert.equal(error.code, "UNKNOWN_CALL");
      assert.match(error.message, /0\.1\.0.*too old.*Upgrade/);
      return true;
    });
    await eventually("it is in step", 60_000, () => buses[0]?.status().state === "synced");
  });
});
