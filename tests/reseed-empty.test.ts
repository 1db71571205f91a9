// Goal: an empty store is filled again by its webservers, without an operator when its key survived: nothing that any of them had is lost, nothing
// that was deleted comes back, what waited goes up after it, and it is the same in whichever order they come. Method: real webservers; the store's
// folder is taken away, its keys stay.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Bus } from "../bus/index.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { makeGroup, makeUser } from "./support/people.ts";
import { documents, reseeding, until, warningOf } from "./support/reseeding.ts";
import { warningsOf } from "./support/warnings.ts";

const dashboards = (bus: Bus) => bus.collection("dashboards");

describe("an empty store", { concurrency: 2 }, () => {
  it("is filled from webservers that hold different parts of it", async (t) => {
    await reseeding(t, async ({ store, open, wipe }) => {
      let [web1, web2] = [await open("web1"), await open("web2")];
      await Promise.all([web1.caughtUp(), web2.caughtUp()]);
      for (const id of ["both", "edited", "deleted"]) await dashboards(web1).put({ id, name: "before" });
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
      assert.match(warningOf(web1, "SEEDING"), /waits for web2/);
      await assert.rejects(web1.collection("users").put({ user: "late", name: "Late" }), { code: "SEEDING", retryable: true });
      await assert.rejects(web1.collection("groups").put({ name: "late" }), { code: "SEEDING" });
      const written = await dashboards(web1).put({ id: "meanwhile", name: "meanwhile" });
      assert.equal(written.revision, null, "it waits");
      assert.equal(web1.status().pending, 2);

      web2 = await open("web2");
      await until(web2, "synced");
      await Promise.all([web1.caughtUp(null, { timeoutMs: 30_000 }), web2.caughtUp(null, { timeoutMs: 30_000 })]);
      await assertEqualReplicas([web1, web2], 10_000);
      const now = await documents(web2, "dashboards");
      assert.deepEqual(Object.keys(now).sort(), [...Object.keys(had), "meanwhile"].sort());
      assert.deepEqual([now.edited?.name, now.edited?.description], ["after", "while there was none"]);
      assert.deepEqual(now.new, had.new, "as it was, with its times and authors");
      assert.equal(await dashboards(web2).get("deleted"), undefined);
      assert.equal((await makeUser(web2)) - uid, 10_000, "numbers go on far above");
      await eventually("no warning is left", 10_000, () => warningsOf(web1).every((code) => code === "NOT_DURABLE"));
    });
  });
});
