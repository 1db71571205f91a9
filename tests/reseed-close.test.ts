// Goal: a seeding need not wait for ever: an operator closes it, and who comes late is heard nevertheless, without bringing back what was deleted
// meanwhile; what the datastore refuses of an offer is listed, stays where it is, and goes up when that is mended. Method: real webservers, the command,
// and a datastore that forgets tombstones as soon as it may.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Bus } from "../bus/index.ts";
import { readSubject } from "../bus/wire/stream.ts";
import { figures, frontsync } from "./support/command.ts";
import { assertEqualReplicas, connectFunctions } from "./support/faults-ledger.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { makeUser } from "./support/people.ts";
import { documents, type Reseeding, reseeding, until, warningOf } from "./support/reseeding.ts";

const WAIT_MS = 60_000;
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

/** A folder with the schema of a collection that others do not have. */
function withThings(folder: string): string {
  const declaration = {
    ...{ version: 1, database: "webstore", key: ["id"], name: "name", access: "directory", indexes: ["name"] },
    ...{ limits: { bytes: 1000 }, policy: "merge", offline: true, retention: { versions: 20 } },
  };
  const schema = {
    ...{ $schema: "http://json-schema.org/draft-07/schema#", $id: "things", title: "Thing", description: "A thing." },
    ...{ type: "object", allOf: [{ $ref: "document" }], required: ["id", "name"], collection: declaration },
  };
  writeFileSync(join(folder, "things.json"), JSON.stringify(schema));
  return folder;
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
      await eventually("said for whom it waits", WAIT_MS, () => /waits for web2/.test(warningOf(web1, "SEEDING")));

      assert.match((await frontsync(...command())).stdout, /waits for web2: other writes wait/);
      const nightly = join(dir, "nightly.jsonl");
      writeFileSync(nightly, "of yesterday");
      const backup = await frontsync("backup", nightly, "--datastore", store.datastore.address);
      assert.deepEqual([backup.code, backup.stderr.split(": ")[1]], [1, "SEEDING"], "what web2 has is not in it");
      assert.equal(readFileSync(nightly, "utf8"), "of yesterday");
      const closed = await figures<{ ok: boolean; seeding: { open: boolean } }>(...command("--close"));
      assert.deepEqual([closed.code, closed.ok, closed.seeding.open], [0, true, false]);
      assert.match(
        (await frontsync(...command("--close"))).stdout,
        /No webserver is held.*\n.*waits for nobody any more\. web2 can still offer/,
      );
      await makeUser(web1, { user: "maria" });
      await dashboards(web1).delete("gone");
      await dashboards(web1).put({ id: "edited", name: "after" });
      await collectorLooked(scene);

      web2 = await open("web2");
      await until(web2, "synced");
      for (const bus of [web1, web2]) await bus.caughtUp(null, { timeoutMs: WAIT_MS });
      await assertEqualReplicas([web1, web2]);
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

  it("lists what it refuses; that stays where it is, and goes up when it is mended", async (t) => {
    const schemas = [withThings(temporaryFolder(t))];
    const play = async ({ dir, store, open, wipe }: Reseeding) => {
      const command = (...args: string[]) => ["reseed", ...args, "--datastore", store.datastore.address];
      let web1 = await open("web1", { schemas });
      await web1.caughtUp();
      const things = (bus: Bus) => bus.collection("things" as "dashboards");
      await things(web1).put({ id: "t1", name: "thing" });
      const { revision } = await dashboards(web1).put({ id: "d", name: "before" });
      await store.stop();
      await until(web1, "degraded");
      // Two that wait: one names a revision of the store that is lost, and can't be taken by another one.
      const { mutationId } = await dashboards(web1).patch("d", { name: "of that revision" }, { ifRevision: revision as number });
      await dashboards(web1).put({ id: "new", name: "new" });
      await wipe();
      await store.start({ schemas: [] });

      await eventually("said what is refused", WAIT_MS, () => /refuses 1 of/.test(warningOf(web1, "HELD")));
      assert.match(warningOf(web1, "HELD"), /things\/t1: UNKNOWN_COLLECTION: .*Mend that, or .*--replace/);
      assert.equal(web1.status().state, "held");
      assert.equal((await things(web1).get("t1"))?.doc.name, "thing");
      const look = await figures<{ held: { webserver: string }[]; seeding: { open: boolean; webservers: object } }>(...command());
      assert.deepEqual(
        [look.held.map(({ webserver }) => webserver), look.seeding.open, look.seeding.webservers],
        [["web1"], true, { web1: false }],
      );
      // It has the others: who comes new has them too.
      const other = await open("other");
      await other.caughtUp(null, { timeoutMs: WAIT_MS });
      assert.equal((await dashboards(other).get("d"))?.doc.name, "before");
      await assert.rejects(makeUser(other, { user: "maria" }), { code: "SEEDING" });
      const closed = await figures<{ seeding: { open: boolean } }>(...command("--close"));
      assert.equal(closed.seeding.open, false);
      assert.ok((await dashboards(other).put({ id: "y", name: "y" })).revision);
      assert.deepEqual([web1.status().state, web1.status().pending], ["held", 2]);
      await other.close();

      await store.stop();
      await store.start({ schemas });
      await web1.close();
      web1 = await open("web1", { schemas });
      await web1.caughtUp(null, { timeoutMs: WAIT_MS });
      const web2 = await open("web2", { schemas });
      await web2.caughtUp(null, { timeoutMs: WAIT_MS });
      await assertEqualReplicas([web1, web2]);
      assert.equal((await things(web2).get("t1"))?.doc.name, "thing");
      assert.deepEqual(Object.keys(await documents(web2, "dashboards")).sort(), ["d", "new", "y"]);
      const [letter, ...more] = await web1.deadLetters.list();
      assert.deepEqual([letter?.mutationId, letter?.code, more], [mutationId, "REVISION_CONFLICT", []]);
      assert.ok(!existsSync(join(dir, "web1", "recovery.jsonl")), "web1 gave nothing up");
    };
    await reseeding(t, play, { schemas });
  });
});
