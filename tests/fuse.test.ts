// Goal: too many deletions are held, whichever handlers they come through, and nothing else is; an admin lets them go, or discards them.
// Method: two handler processes, two webservers; the command; an outbox that comes back with deletions of its own.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Bus } from "../bus/index.ts";
import { asker } from "./support/asking.ts";
import { figures, frontsync } from "./support/command.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { makeUser } from "./support/people.ts";
import { codeOf } from "./support/refusals.ts";

const COMMAND = fileURLToPath(new URL("../scripts/frontsync.js", import.meta.url));
const WAIT_MS = 60_000;
interface Listed {
  fuses: { collection: string; openedAt?: string; deleted?: number; size?: number; held: number; some: { id: string }[] }[];
}

describe("the deletion fuse", () => {
  let deployment: Deployment;
  let [web1, web2]: Bus[] = [];
  let on: string[];

  before(async () => {
    deployment = await deploy({ webservers: 2, handlers: 2, sync: "default", deletionFuse: {}, bus: { updateInterval: 0.5 } });
    [web1, web2] = deployment.buses as [Bus, Bus];
    on = ["--datastore", deployment.datastore.address];
  });
  after(() => deployment?.[Symbol.asyncDispose]());

  const of = (bus: Bus | undefined, collection = "dashboards") => bus?.collection(collection) ?? assert.fail();
  const ls = async () => (await figures<Listed>("fuse", "ls", ...on)).fuses;
  const close = (collection: string, ...args: string[]) => frontsync("fuse", "close", collection, ...args, ...on);
  const warned = (bus: Bus | undefined) =>
    bus?.status().warnings.flatMap(({ code, message }) => (code === "FUSE_OPEN" ? [message.split(":")[0]] : []));

  async function make(collection: string, count: number, first = 0): Promise<string[]> {
    const ids = Array.from({ length: count }, (_, n) => `${collection}${first + n}`);
    const results = await of(web1, collection).putMany(ids.map((id) => ({ id, name: id, text: id })));
    assert.ok(results.every((result) => "revision" in result));
    await Promise.all([web1?.caughtUp(), web2?.caughtUp()]);
    return ids;
  }

  /** Each through one or the other webserver; the codes of those that were refused. */
  async function deleteAll(collection: string, ids: readonly string[]): Promise<string[]> {
    const outcomes = ids.map((id, n) =>
      of(n % 2 ? web1 : web2, collection)
        .delete(id)
        .then(
          () => "done",
          ({ code }) => code as string,
        ),
    );
    return (await Promise.all(outcomes)).filter((outcome) => outcome !== "done");
  }

  test("counts documents, not deletions: one that is made and deleted again and again is one", async () => {
    for (let n = 0; n < 40; n++) {
      await of(web1, "templates").put({ id: "again", name: "again" });
      await of(web1, "templates").delete("again");
    }
    assert.deepEqual(await ls(), []);
  });

  test("lets a fifth go, over all handlers, and at least 20; holds the rest, and says so", async () => {
    const ids = await make("dashboards", 150);
    const refused = await deleteAll("dashboards", ids);
    assert.deepEqual([refused.length, [...new Set(refused)]], [120, ["FUSE_OPEN"]]);
    await web1?.caughtUp();
    assert.equal((await of(web1).list({ limit: 1000 })).items.length, 120, "nothing more is deleted");
    for (const bus of [web1, web2]) await eventually("the warning", WAIT_MS, () => warned(bus)?.includes("dashboards"));

    const queries = await make("queries", 25);
    assert.equal(
      (await deleteAll("queries", queries.slice(0, 20))).length,
      0,
      "another collection is another matter, and 20 are few",
    );
    assert.deepEqual(await deleteAll("queries", queries.slice(20, 21)), ["FUSE_OPEN"]);

    assert.equal(await codeOf(of(web1).delete("nothing")), "NOT_FOUND", "what can't be done is not held");
    assert.equal((await of(web1).put({ id: "new", name: "Others go on" })).id, "new");
    const [dashboards, macros] = await ls();
    assert.deepEqual([dashboards?.deleted, dashboards?.size, dashboards?.held], [30, 150, 120]);
    assert.deepEqual([dashboards?.some.length, macros?.collection, macros?.held], [20, "queries", 1]);
    const text = await frontsync("fuse", "ls", ...on);
    assert.match(text.stdout, /^dashboards +\S+Z +30 of 150 +120$/m);
    assert.match(text.stdout, /… and 100 more of dashboards/);
  });

  test("who is asked at a terminal, and gives no answer, lets nothing go", async (t) => {
    if (spawnSync("script", ["--version"]).error) return t.skip("there is no `script` to make a terminal");
    for (const [key, code, said] of [
      ["\x03", 130, /Interrupted by SIGINT\./],
      ["\x04", 1, /Nothing was done\./],
      ["n\r", 1, /Nothing was done\./],
    ] as const) {
      const command = [process.execPath, COMMAND, "fuse", "close", "dashboards", ...on].map((word) => `'${word}'`).join(" ");
      const child = spawn("script", ["-qec", command, "/dev/null"]);
      t.after(() => child.kill("SIGKILL"));
      const ended = once(child, "close");
      let text = "";
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (chunk.includes("[y/N]")) child.stdin.write(key);
      });
      assert.deepEqual(await ended, [code, null], text);
      assert.match(text, said);
      assert.doesNotMatch(text, /INTERNAL/);
    }
    assert.equal((await ls()).find(({ collection }) => collection === "dashboards")?.held, 120);
  });

  test("the held ones go when somebody says so, but not what has changed since; a retry of one has its effect", async () => {
    const { items } = await of(web1).list({ limit: 1000 });
    // One that the webserver itself changes that asked for its deletion, and one that another one changes.
    const kept = [0, 1].map(
      (odd) => items.find(({ id }) => Number(id.slice("dashboards".length)) % 2 === odd)?.id ?? assert.fail(),
    );
    for (const id of kept) await of(web2).patch(id, { name: "It is needed" });
    assert.match((await close("dashboards")).stderr, /^frontsync: BAD_CONFIG: There is no terminal/);
    const closed = await close("dashboards", "--yes");
    for (const id of kept) assert.match(closed.stderr, new RegExp(`REVISION_CONFLICT: dashboards ${id}: `));
    assert.match(closed.stdout, /^dashboards: 118 deletions let go\. The fuse is closed\./);
    await web1?.caughtUp();
    assert.deepEqual((await of(web1).list()).items.map(({ id }) => id).sort(), [...kept, "new"].sort());
    assert.equal((await close("dashboards", "--yes")).code, 1, "there is nothing left");
    await eventually("no warning", WAIT_MS, () => !warned(web1)?.includes("dashboards"));
    assert.equal((await of(web1).delete(kept[0] ?? "")).id, kept[0]);

    const admin = await makeUser(web1 as Bus, { admin: true });
    const other = await makeUser(web1 as Bus);
    assert.equal(await codeOf((web1 as Bus).call("fuses.close", { collection: "queries" }, { by: other })), "NOT_ALLOWED");
    const byAdmin = await (web1 as Bus).call("fuses.close", { collection: "queries" }, { by: admin });
    assert.deepEqual([byAdmin.done, byAdmin.count, await ls()], [true, 1, []]);
  });

  test("an outbox's deletions wait, and are done when they are let go; those that are discarded become dead letters", async () => {
    const ids = await make("macros", 60);
    const offline = async (some: readonly string[]) => {
      await deployment.stopDatastore();
      await eventually("degraded", WAIT_MS, () => web2?.status().state === "degraded");
      for (const written of await Promise.all(some.map((id) => of(web2, "macros").delete(id))))
        assert.equal(written.revision, null);
      await deployment.restartDatastore();
      await eventually("synced", WAIT_MS, () => web2?.status().state === "synced" && web1?.status().state === "synced");
      await eventually("held", WAIT_MS, async () => (await ls())[0]?.held === some.length - 20);
      await eventually("the others are answered", WAIT_MS, () => web2?.status().pending === some.length - 20);
      assert.equal(web2?.status().deadLetters, 0);
    };
    await offline(ids.slice(0, 30));
    assert.equal((await close("macros", "--yes")).code, 0);
    await web2?.caughtUp(null, { timeoutMs: WAIT_MS });
    assert.deepEqual([web2?.status().deadLetters, await ls()], [0, []]);
    await web1?.caughtUp();
    assert.equal((await of(web1, "macros").list({ limit: 100 })).items.length, 30);

    await offline(ids.slice(30));
    assert.match((await close("macros", "--yes", "--discard")).stdout, /^macros: 10 deletions discarded/);
    await eventually("dead letters", WAIT_MS, () => web2?.status().deadLetters === 10);
    const letters = (await web2?.deadLetters.list()) ?? [];
    assert.ok(letters.every(({ code, collection }) => code === "DELETION_DISCARDED" && collection === "macros"));
    await web1?.caughtUp();
    assert.equal((await of(web1, "macros").list({ limit: 100 })).items.length, 10, "the documents stay");
    assert.equal((await of(web1, "macros").delete(letters[0]?.id ?? "")).id, letters[0]?.id, "and can be deleted anew");
  });

  for (const [what, collection, args, codes] of [
    ["let go", "playbooks", ["--yes"], []],
    ["discarded", "templates", ["--yes", "--discard"], ["DELETION_DISCARDED"]],
  ] as const)
    test(`those that are ${what} while they are asked for again are ${what}, and take no place from others`, async () => {
      const ids = await make(collection, 150);
      const begun = performance.now();
      const { ask } = await asker(deployment, `asks-${collection}`);
      const again = (id: string) => ask("delete", collection, { id, mutation: `asks-${collection}:${id}` });
      const all = async (some: readonly string[]) => (await Promise.all(some.map(again))).flatMap(({ code }) => code ?? []);

      const answers = await Promise.all(ids.slice(0, 120).map(again));
      const held = ids.filter((_, n) => answers[n]?.code === "FUSE_OPEN");
      assert.ok(held.length >= 90);
      const closing = close(collection, ...args);
      for (let closed = false; !closed; ) closed = await Promise.race([closing.then(() => true), all(held).then(() => false)]);
      assert.equal((await closing).code, 0);
      assert.deepEqual([...new Set(await all(held))], codes);
      // After a minute what was deleted is not counted any more, and of the 30 that are left 20 may go.
      const more = ids.slice(120, performance.now() - begun < 50_000 ? 150 : 140);
      assert.deepEqual(await all(more), [], "as many more may go as if nothing had been deleted");
      await web1?.caughtUp();
      const there = await Promise.all(held.map((id) => of(web1, collection).get(id)));
      assert.equal(there.filter((document) => document).length, codes.length * held.length);
    });

  test("the history and the sessions have none", async () => {
    const uid = await makeUser(web1 as Bus);
    for (let n = 0; n < 25; n++) await (web1 as Bus).collection("searches").put({ uid, userQuery: `q${n}`, effectiveQuery: "" });
    await web1?.caughtUp();
    const { items } = await (web1 as Bus).collection("searches").list({ where: { uid } });
    assert.deepEqual(
      await deleteAll(
        "searches",
        items.map(({ id }) => id),
      ),
      [],
    );
    const sessions = Array.from({ length: 25 }, (_, n) => ({ id: `s${n}`, uid }));
    await (web1 as Bus).collection("sessions").putMany(sessions);
    await web2?.caughtUp();
    assert.deepEqual(
      await deleteAll(
        "sessions",
        sessions.map(({ id }) => id),
      ),
      [],
    );
  });
});
