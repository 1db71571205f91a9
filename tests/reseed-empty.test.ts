// Goal: an empty store is filled again by its webservers, without an operator when its key survived: nothing that any of them had is lost, nothing
// that was deleted comes back, what waited goes up after it, and it is the same in whichever order they come. Method: real webservers; the store's
// folder is taken away, its keys stay.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import type { Bus } from "../bus/index.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { makeGroup, makeUser } from "./support/people.ts";
import { documents, type Reseeding, reseeding, until, warningOf } from "./support/reseeding.ts";
import { warningsOf } from "./support/warnings.ts";

const dashboards = (bus: Bus) => bus.collection("dashboards");

describe("an empty store", { concurrency: 2 }, () => {
  it("is filled from webservers that hold different parts of it", async (t) => {
    await reseeding(t, async ({ store, open, wipe }) => {
      let [web1, web2] = [await open("web1"), await open("web2")];
      await Promise.all([web1.caughtUp(), web2.caughtUp()]);
      for (const id of ["both", "edited", "deleted"]) await dashboards(web1).put({ id, name: "before" });
      const content = Buffer.alloc(300_000, "content");
      const resource = await web1.resources.upload(Readable.from([content]), { name: "lookup" });
      const uid = await makeUser(web1, { user: "maria" });
      await makeGroup(web1);
      await web2.caughtUp();
      // web2 is away for the rest.
      await web2.close();
      await dashboards(web1).put({ id: "edited", name: "after" });
      await dashboards(web1).put({ id: "new", name: "new" });
      await dashboards(web1).delete("deleted");
      await web1.caughtUp();
      const had = await documents(web1, "dashboards");
      await store.stop();
      await until(web1, "degraded");
      await dashboards(web1).patch("edited", { description: "while there was none" });
      await wipe();
      await store.start();

      await until(web1, "synced");
      // web2 is known, and has not offered: nobody knows yet what it has.
      await eventually("said for whom it waits", 60_000, () => /waits for web2/.test(warningOf(web1, "SEEDING")));
      await assert.rejects(web1.collection("users").put({ user: "late", name: "Late" }), { code: "SEEDING", retryable: true });
      await assert.rejects(web1.collection("groups").put({ name: "late" }), { code: "SEEDING" });
      const written = await dashboards(web1).put({ id: "meanwhile", name: "meanwhile" });
      assert.equal(written.revision, null, "it waits");
      assert.equal(web1.status().pending, 2);

      web2 = await open("web2");
      await until(web2, "synced");
      await Promise.all([web1.caughtUp(null, { timeoutMs: 60_000 }), web2.caughtUp(null, { timeoutMs: 60_000 })]);
      await assertEqualReplicas([web1, web2]);
      const now = await documents(web2, "dashboards");
      assert.deepEqual(Object.keys(now).sort(), [...Object.keys(had), "meanwhile"].sort());
      assert.deepEqual([now.edited?.name, now.edited?.description], ["after", "while there was none"]);
      assert.deepEqual(now.new, had.new, "as it was, with its times and authors");
      assert.equal(await dashboards(web2).get("deleted"), undefined);
      assert.equal((await makeUser(web2)) - uid, 10_000, "numbers go on far above");
      const web3 = await open("web3", { resources: "lazy" });
      const opened = async () => Buffer.concat(await (await web3.resources.open(resource.id)).toArray());
      await eventually("the content is back", 60_000, async () => content.equals(await opened().catch(() => Buffer.alloc(0))));
      await eventually("no warning is left", 60_000, () => warningsOf(web1).every((code) => code === "NOT_DURABLE"));
    });
  });

  it("is filled in the same way when handlers and webservers restart in the middle", async (t) => {
    const play = async ({ dir, store, open, wipe }: Reseeding) => {
      const names = ["web1", "web2", "web3"];
      let buses = await Promise.all(names.map((name) => open(name)));
      const [first] = buses as [Bus];
      await Promise.all(buses.map((bus) => bus.caughtUp()));
      const docs = Array.from({ length: 1500 }, (_, n) => ({ id: `d${n}`, name: `${n}` }));
      await dashboards(first).putMany(docs, { timeoutMs: 60_000 });
      for (let n = 0; n < 50; n++) await dashboards(first).delete(`d${n}`);
      for (const bus of buses) await bus.caughtUp(first.status().cursor);
      const had = await documents(first, "dashboards");
      await store.stop();
      await wipe();
      await store.start();
      await eventually("one of them offers", 60_000, () => buses.some((bus) => warningOf(bus, "HELD").includes("filled")));
      for (const pid of store.datastore.pids.handlers) process.kill(pid, "SIGKILL");
      await Promise.all(buses.map((bus) => bus.close()));
      buses = await Promise.all(names.toReversed().map((name) => open(name)));
      process.kill(store.datastore.pids.natsServer ?? 0, "SIGKILL");
      for (const bus of buses) await bus.caughtUp(null, { timeoutMs: 60_000 });
      await assertEqualReplicas(buses);
      assert.deepEqual(await documents(buses[0] as Bus, "dashboards"), had);
      for (const name of names) assert.ok(!existsSync(join(dir, name, "recovery.jsonl")), "nobody gave anything up");
    };
    await reseeding(t, play, { handlers: 2 });
  });
});
