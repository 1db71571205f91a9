// Goal: to replace, the datastore becomes exactly what was backed up, whoever interferes; a restore that is interrupted at any moment goes on.
// Method: two handlers; backups that no datastore made, restored in turn; commands, handlers and nats-server are killed at random moments (seeded);
// what is there is compared with the file.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Bus } from "../bus/index.ts";
import { Hold } from "../scripts/support/restore/hold.ts";
import { CONTENT, contentAt, contentOf, fill, madeBackup } from "./support/backups.ts";
import { frontsync, restored, startCommand } from "./support/command.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { dice } from "./support/faults-random.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { codeOf } from "./support/refusals.ts";

const DOCUMENTS = 400;
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `d${from + n}`);

describe("frontsync restore --mode replace", () => {
  let deployment: Deployment;
  let [web1, web2]: Bus[] = [];
  let on: string[];
  /** Backups of other documents, in part with the same ids. */
  let made: { file: string; ids: string[]; at: string }[];

  const dashboards = (bus: Bus | undefined) => bus?.collection("dashboards") ?? assert.fail();
  const replace = (file: string, ...args: string[]) => restored(file, "--mode", "replace", ...args, ...on);

  before(async () => {
    deployment = await deploy({ webservers: 2, handlers: 2, sync: "default", bus: { updateInterval: 0.5 } });
    [web1, web2] = deployment.buses as [Bus, Bus];
    on = ["--datastore", deployment.datastore.address];
    made = [
      { file: "one.jsonl", ids: numbers(0, DOCUMENTS), at: "2024-01-01T00:00:00.000Z" },
      { file: "two.jsonl", ids: numbers(DOCUMENTS / 2, DOCUMENTS * 1.5), at: "2023-01-01T00:00:00.000Z" },
    ].map(({ file, ...rest }) => ({ file: join(deployment.dir, file), ...rest }));
    for (const { file, ids, at } of made) await madeBackup(file, ids, at, "x".repeat(10_000));
  });
  after(() => deployment?.[Symbol.asyncDispose]());

  /** On both webservers: what is in the file, and nothing else. */
  async function assertIs({ ids, at }: { ids: string[]; at: string }): Promise<void> {
    for (const bus of [web1, web2] as Bus[]) {
      await bus.caughtUp(null, { timeoutMs: 60_000 });
      const { items } = await dashboards(bus).list({ limit: 1000 });
      assert.deepEqual(
        items.map(({ doc }) => [doc.id, doc.name, doc.updatedAt]).sort(),
        ids.map((id) => [id, `${id} at ${at}`, at]).sort(),
      );
    }
  }

  test("the datastore becomes what it was: what is newer goes back, what came since is deleted, all sessions are over", async () => {
    assert.ok(web1 && web2);
    const { uid } = await fill(web1);
    const file = join(deployment.dir, "filled.jsonl");
    assert.equal((await frontsync("backup", file, ...on)).code, 0);
    const { session } = await web2.call("users.login", { user: "alice", password: "alice's password" });
    const content = { ...(await contentOf(web1)), logins: [] };

    await dashboards(web1).patch("ops", { name: "Renamed since" });
    await dashboards(web1).put({ id: "old", name: "There again" });
    const late = await web1.collection("users").put({ user: "late" });
    // Two users who have each other's names now: no rule of names may be in the way.
    await web1.collection("users").patch(String(uid), { user: "bob" });
    await web1.collection("users").patch(late.id, { user: "alice" });
    await web1.collection("resources").delete("table");

    const look = await replace(file, "--dry-run");
    const [{ head }, expected] = [web1.status(), { added: 1, changed: 2, deleted: 3, refused: 0 }];
    const counted = ({ added, changed, deleted, refused }: typeof look) => ({ added, changed, deleted, refused });
    assert.deepEqual(counted(look), expected, "and the login is forgotten");
    assert.equal(web1.status().head, head);
    const done = await replace(file);
    assert.deepEqual([done.code, counted(done), done.complete], [0, expected, true], done.stderr);

    for (const bus of [web1, web2]) {
      await bus.caughtUp();
      const now = await contentOf(bus);
      const documents = (of: typeof now) => Object.entries(of).map(([name, all]) => [name, all.map(({ doc }) => doc)]);
      assert.deepEqual(documents(now), documents(content));
    }
    assert.deepEqual(await contentAt(web2, "table"), CONTENT);
    const { doc } = (await web2.collection("users").get(String(uid))) ?? {};
    assert.ok(Date.parse(doc?.sessionsFrom ?? "") > Date.parse(session.issuedAt));
    assert.equal((await web1.call("users.login", { user: "alice", password: "alice's password" })).uid, uid);
    assert.ok(Number((await web1.collection("users").put({ user: "new" })).id) > Number(late.id), "no uid is given twice");
    const again = await replace(file);
    assert.deepEqual([again.code, again.added + again.changed], [0, 0], again.stderr);
  });

  test("while it runs nobody else writes, logs in or restores; it outlives the datastore; what waits in an outbox waits on", async () => {
    assert.ok(web1 && web2);
    const [first, second] = made as [(typeof made)[0], (typeof made)[0]];
    const restorer = await deployment.connect("restorer", { updateInterval: 0.5 });
    const signal = new AbortController().signal;
    const asked = { hash: "0".repeat(64), mode: "replace" as const, source: "a test", records: 7 };
    const hold = await Hold.begin(restorer, asked, signal);
    try {
      for (const bus of [web1, web2]) {
        const login = { user: "admin", password: "changeme" };
        const refused: [string, () => Promise<unknown>][] = [
          ["login", () => bus.call("users.login", login)],
          ["put", () => dashboards(bus).put({ id: "refused", name: "Refused" })],
          ["patch", () => dashboards(bus).patch("ops", { name: "Refused" })],
          ["delete", () => dashboards(bus).delete("ops")],
          ["users", () => bus.collection("users").put({ user: "refused" })],
          ["password", () => bus.call("users.setPassword", { uid: 1, password: "refused" })],
          ["another", () => Hold.begin(bus, { ...asked, hash: "1".repeat(64) }, signal)],
          ["the same", () => Hold.begin(bus, asked, signal)],
        ];
        for (const [what, doing] of refused) assert.equal(await codeOf(doing()), "RESTORING", what);
        await eventually("the warning", 60_000, () => bus.status().warnings.some(({ code }) => code === "RESTORING"));
      }
      const { code, stderr } = await replace(first.file);
      assert.deepEqual([code, stderr.split(": ")[1]], [1, "RESTORING"]);
      assert.match(stderr, /a test \(--mode replace\) is under way since .* `frontsync restore --abort`/);
      const nightly = join(deployment.dir, "nightly.jsonl");
      writeFileSync(nightly, "of yesterday");
      const backup = await frontsync("backup", nightly, ...on);
      assert.deepEqual([backup.code, backup.stderr.split(": ")[1]], [1, "RESTORING"], "half of each is no backup");
      assert.equal(readFileSync(nightly, "utf8"), "of yesterday");

      await deployment.stopDatastore();
      await eventually("degraded", 60_000, () => web1?.status().state === "degraded");
      const queued = await dashboards(web1).put({ id: "queued", name: "Queued" });
      assert.equal(queued.revision, null);
      await deployment.restartDatastore();
      await eventually("synced", 60_000, () => web1?.status().state === "synced" && web2?.status().state === "synced");
      assert.equal(await codeOf(dashboards(web2).put({ id: "refused", name: "Refused" })), "RESTORING");
      assert.deepEqual([web1.status().pending, web1.status().deadLetters], [1, 0]);
    } finally {
      hold.release();
    }
    // Its command is gone: it can be given up, and that ends it everywhere.
    assert.match((await frontsync("restore", "--abort", ...on)).stdout, /^The restore from a test is given up at 0 of 7 records/);
    assert.equal((await frontsync("restore", "--abort", ...on)).code, 1, "once");
    await web1.caughtUp(null, { timeoutMs: 60_000 });
    assert.equal(web1.status().deadLetters, 0);
    await web2.caughtUp();
    assert.equal((await dashboards(web2).get("queued"))?.doc.name, "Queued");
    assert.equal((await replace(second.file)).code, 0);
    await assertIs(second);
  });

  test("one that was interrupted is named, and nobody backs up or writes, also when all handlers are new", async () => {
    const restorer = await deployment.connect("interrupted", { updateInterval: 0.5 });
    const asked = { hash: "2".repeat(64), mode: "merge" as const, source: "a test", records: 7 };
    (await Hold.begin(restorer, asked, new AbortController().signal)).release();
    await restorer.close();
    await deployment.stopDatastore();
    await deployment.restartDatastore();
    const fresh = await deployment.connect("fresh", { updateInterval: 0.5 });
    try {
      await fresh.caughtUp(null, { timeoutMs: 60_000 });
      const { warnings } = fresh.status();
      assert.ok(
        warnings.some(({ code }) => code === "RESTORING"),
        JSON.stringify(warnings),
      );
      const { code, stderr } = await frontsync("backup", join(deployment.dir, "interrupted.jsonl"), ...on);
      assert.deepEqual([code, stderr.split(": ")[1]], [1, "RESTORING"]);
    } finally {
      await fresh.close();
      assert.equal((await frontsync("restore", "--abort", ...on)).code, 0);
    }
    for (const bus of [web1, web2] as Bus[]) await bus.caughtUp(null, { timeoutMs: 60_000 });
  });

  test("a source that is not whole deletes nothing", async () => {
    const { head } = web1?.status() ?? {};
    const running = await frontsync("restore", "--from-replica", join(deployment.dir, "web1"), "--mode", "replace", ...on);
    assert.match(running.stderr, /^frontsync: DIR_IN_USE: /);
    const cut = join(deployment.dir, "cut");
    writeFileSync(cut, "{}\n");
    assert.match((await frontsync("restore", cut, "--mode", "replace", ...on)).stderr, /^frontsync: BACKUP_DAMAGED: /);
    await web1?.caughtUp();
    assert.equal(web1?.status().head, head);
  });

  /** Whether nobody else may write. */
  async function isRestoring(): Promise<boolean> {
    const code = await dashboards(web1)
      .put({ id: "refused", name: "Refused" })
      .then(
        () => undefined,
        (error: { code: string }) => error.code,
      );
    if (code === undefined) await dashboards(web1).delete("refused");
    else assert.equal(code, "RESTORING");
    return code !== undefined;
  }

  test("one that is interrupted at a random moment goes on", async (t) => {
    const random = dice(t);
    const victims = ["command", "nats-server", "handler"] as const;
    for (const [round, victim] of victims.entries()) {
      const target = made[round % 2] ?? assert.fail();
      const running = startCommand("restore", target.file, "--mode", "replace", ...on, "--json");
      const wanted = random.number(0, DOCUMENTS);
      let seen = 0;
      const over = new AbortController();
      const counting = (async () => {
        for await (const _change of dashboards(web2).changes({ signal: over.signal })) if (++seen > wanted) return;
      })().catch(() => {});
      await Promise.race([counting, running.ended]);
      over.abort();
      const { natsServer, handlers } = deployment.datastore.pids;
      const pid = { command: running.child.pid, "nats-server": natsServer, handler: random.pick(handlers) }[victim];
      t.diagnostic(`round ${round}: kill ${victim} after ${seen} changes`);
      if (pid !== undefined && (victim !== "command" || running.child.exitCode === null)) process.kill(pid, "SIGKILL");
      const { code, stderr } = await running.ended;
      if (victim !== "command") assert.equal(code, 0, stderr);
      // Unless it had done all of it, and was only about to end.
      else if (code !== 0 && (await isRestoring())) {
        const goingOn = await replace(target.file);
        assert.deepEqual([goingOn.code, goingOn.continued], [0, true], goingOn.stderr);
      }
      await assertIs(target);
      assert.equal((await dashboards(web1).put({ id: "after", name: "After" })).id, "after");
    }
  });
});
