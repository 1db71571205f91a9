// Goal: a seeding need not wait for ever: an operator closes it, and who comes late is heard nevertheless, without bringing back what was deleted
// meanwhile; what the datastore refuses of an offer is listed, stays where it is, and goes up when that is mended. Method: real webservers, the command,
// and a datastore that forgets tombstones as soon as it may.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Bus } from "../bus/index.ts";
import { readSubject } from "../bus/wire/stream.ts";
import { figures, frontsync } from "./support/command.ts";
import { assertEqualReplicas, connectFunctions } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { makeUser } from "./support/people.ts";
import { documents, type Reseeding, reseeding, until, warningOf } from "./support/reseeding.ts";

const WAIT_MS = 30_000;
const dashboards = (bus: Bus) => bus.collection("dashboards");

/** Whoever collects tombstones has looked three times since now. */
async function collectorLooked({ dir, store }: Reseeding): Promise<void> {
  const connection = await connectFunctions({ dir, datastore: store.datastore }, "store");
  const turn = async () => (await readSubject(connection, "ds.collector", "frontsync_webservers"))?.revision ?? 0;
  try {
    for (let n = 0; n < 3; n++) {
      const before = await turn();
      await eventually("the collector looks", WAIT_MS, async () => (await turn()) > before);
    }
  } finally {
    await connection.close();
  }
}

describe("a seeding", { concurrency: 2 }, () => {
  it("that an operator closes goes on with who is there, and hears who is late: nothing deleted comes back", async (t) => {
    const play = async (scene: Reseeding) => {
      const { dir, store, open, wipe } = scene;
      const command = (...args: string[]) => ["reseed", ...args, "--datastore", store.datastore.address];
      let web2 = await open("web2");
      const web1 = await open("web1");
      await Promise.all([web1.caughtUp(), web2.caughtUp()]);
      for (const id of ["gone", "edited", "same"]) await dashboards(web1).put({ id, name: "before" });
      await web2.caughtUp(web1.status().cursor);
      await eventually("they know each other", WAIT_MS, () => web1.status().peers.length > 0);
      await web2.close();
      await store.stop();
      await wipe();
      await store.start();
      await until(web1, "synced");
      assert.match(warningOf(web1, "SEEDING"), /waits for web2/);

      assert.match((await frontsync(...command())).stdout, /waits for web2: other writes wait/);
      const closed = await figures<{ ok: boolean; seeding: { open: boolean } }>(...command("--close"));
      assert.deepEqual([closed.code, closed.ok, closed.seeding.open], [0, true, false]);
      assert.match((await frontsync(...command("--close"))).stdout, /No webserver is held/, "again: it is closed");
      await makeUser(web1, { user: "maria" });
      await dashboards(web1).delete("gone");
      await dashboards(web1).put({ id: "edited", name: "after" });
      await collectorLooked(scene);

      web2 = await open("web2");
      await until(web2, "synced");
      for (const bus of [web1, web2]) await bus.caughtUp(null, { timeoutMs: WAIT_MS });
      await assertEqualReplicas([web1, web2], 10_000);
      const now = await documents(web2, "dashboards");
      assert.deepEqual(
        Object.values(now)
          .map(({ id, name }) => [id, name])
          .sort(),
        [
          ["edited", "after"],
          ["same", "before"],
        ],
      );
      assert.ok(!existsSync(join(dir, "web1", "recovery.jsonl")), "web1 gave nothing up");
    };
    await reseeding(t, play, { tombstoneKeepSeconds: 0 });
  });
});
