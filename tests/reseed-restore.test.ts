// Goal: a restore that has begun on an empty store is not joined by webservers that would fill it: what it brings back is what counts, and whether they add
// to it an operator says, whoever came first. Method: a real store that was lost, a restore that has written nothing yet, and a webserver that comes then.
import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { Hold } from "../scripts/support/restore/hold.ts";
import { figures, frontsync, restored } from "./support/command.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { documents, type Reseeding, reseeding, until, warningOf } from "./support/reseeding.ts";

const WAIT_MS = 60_000;

it("a webserver that comes while an empty store is restored waits, and then for an operator's word", async (t) => {
  const play = async ({ dir, store, open, wipe }: Reseeding) => {
    const on = ["--datastore", store.datastore.address];
    const backup = join(dir, "backup.jsonl");
    let web1 = await open("web1");
    await web1.caughtUp();
    await web1.collection("dashboards").put({ id: "d", name: "backed up" });
    assert.equal((await frontsync("backup", backup, ...on)).code, 0);
    await web1.collection("dashboards").put({ id: "d", name: "a mistake" });
    await web1.close();
    await store.stop();
    await wipe();
    await store.start();

    const restorer = await open("restorer");
    const asked = { hash: "0".repeat(64), mode: "replace" as const, source: "a test", records: 7 };
    const hold = await Hold.begin(restorer, asked, new AbortController().signal);
    try {
      web1 = await open("web1");
      await eventually("said what it waits for", WAIT_MS, () => /restore .* is under way/.test(warningOf(web1, "HELD")));
      const { seeding } = await figures<{ seeding?: object }>("reseed", ...on);
      assert.equal(seeding, undefined, "nothing fills it meanwhile");
    } finally {
      hold.release();
    }
    await web1.close();
    await restorer.close();
    assert.equal((await frontsync("restore", "--abort", ...on)).code, 0);

    const done = await restored(backup, "--mode", "replace", ...on);
    assert.equal(done.code, 0, done.stderr);
    web1 = await open("web1");
    await eventually("it waits for an operator", WAIT_MS, () => /data of its own/.test(warningOf(web1, "HELD")));
    assert.equal((await frontsync("reseed", "--replace", ...on)).code, 0);
    await until(web1, "synced");
    assert.equal((await documents(web1, "dashboards")).d?.name, "backed up");
  };
  await reseeding(t, play);
});
