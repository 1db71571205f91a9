// Goal: what a backup or any webserver holds can be brought back into a datastore that has lost it, and never costs what is newer there.
// Method: real datastores, one that loses everything; the built command; documents, authors and times are compared before and after.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Bus } from "../bus/index.ts";
import type { RestoreSummary } from "../scripts/support/restore/send.ts";
import { contentOf, fill } from "./support/backups.ts";
import { figures, frontsync, startCommand } from "./support/command.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";
import { makeUser } from "./support/people.ts";

type Summary = Omit<RestoreSummary, "collections"> & { ok: boolean; complete: boolean; collections: Record<string, object> };

/** A backup whose user has another uid, sealed again. */
function sealed(backup: string, from: number, to: number): string {
  const lines = backup.trimEnd().split("\n").slice(0, -1);
  const moved = lines.map((line) =>
    line.includes('"collection":"users"')
      ? line.replace(`"id":"${from}"`, `"id":"${to}"`).replace(`"uid":${from}`, `"uid":${to}`)
      : line,
  );
  const text = `${moved.join("\n")}\n`;
  const seal = { records: moved.length - 1, sha256: createHash("sha256").update(text).digest("hex") };
  return `${text}${JSON.stringify({ seal })}\n`;
}

/** One datastore for all that only reads it, its content and a backup of it. */
describe("from a datastore with documents", () => {
  let full: Deployment;
  let bus: Bus;
  let people: { uid: number; gid: number };
  let file: string;
  let content: Awaited<ReturnType<typeof contentOf>>;

  before(async () => {
    full = await deploy({ webservers: 1, sync: "default" });
    bus = full.buses[0] as Bus;
    people = await fill(bus);
    content = await contentOf(bus);
    file = join(full.dir, "backup.jsonl");
    const { code, stderr } = await frontsync("backup", file, "--datastore", full.datastore.address);
    assert.equal(code, 0, stderr);
  });
  after(() => full?.[Symbol.asyncDispose]());

  const restore = (to: Deployment, ...args: string[]) =>
    figures<Summary>("restore", ...args, "--datastore", to.datastore.address);
  const counts = ({ code, added, changed, deleted, marked, left, refused }: Summary & { code: number | string }) => ({
    code,
    added,
    changed,
    deleted,
    marked,
    left,
    refused,
  });
  const documents = () => Object.values(content).flat().length;

  test("an empty datastore is as it was before, with ids, authors, times and passwords; a second time changes nothing", async () => {
    await using empty = await deploy({ webservers: 1, sync: "default" });
    const [web1] = empty.buses as [Bus];
    const before = web1.status().head;
    const look = await restore(empty, file, "--dry-run");
    // The user of the first start is there already, and its time is 0 in both.
    const expected = { code: 0, added: documents() - 1, changed: 0, deleted: 0, marked: 1, left: 1, refused: 0 };
    assert.deepEqual(counts(look), expected, look.stderr);
    await web1.caughtUp();
    assert.equal(web1.status().head, before, "a dry run writes nothing");

    assert.deepEqual(counts(await restore(empty, file)), expected);
    await web1.caughtUp();
    assert.deepEqual(await contentOf(web1), content);
    const alice = await web1.call("users.login", { user: "alice", password: "alice's password" });
    assert.equal(alice.uid, people.uid);
    assert.equal(Number((await web1.collection("groups").put({ name: "later" })).id), people.gid + 1, "no id is given twice");

    const again = await restore(empty, file);
    assert.deepEqual([again.code, again.added + again.changed + again.deleted + again.marked], [0, 0]);
    assert.equal(again.left, again.read);
  });

  test("what is newer stays, what is older is brought forward, and what was deleted is deleted", async () => {
    await using other = await deploy({ webservers: 1, sync: "default" });
    const [web1] = other.buses as [Bus];
    await restore(other, file);
    await web1.caughtUp();
    await web1.collection("dashboards").patch("ops", { name: "Renamed since" });
    const since = join(other.dir, "since.jsonl");
    assert.equal((await frontsync("backup", since, "--datastore", other.datastore.address)).code, 0);
    await web1.collection("dashboards").delete("ops");
    await web1.collection("dashboards").put({ id: "new", name: "New" });

    const older = await restore(other, file);
    assert.deepEqual([older.code, older.left], [0, older.read], "the tombstone is newer than what the backup has");
    const later = join(other.dir, "later.jsonl");
    assert.equal((await frontsync("backup", later, "--datastore", other.datastore.address)).code, 0);

    await using third = await deploy({ webservers: 1, sync: "default" });
    const [held] = third.buses as [Bus];
    await restore(third, file);
    const changed = await restore(third, since);
    assert.deepEqual([changed.changed, changed.added], [1, 0]);
    const deleted = await restore(third, later);
    assert.deepEqual([deleted.deleted, deleted.added], [1, 1]);
    assert.deepEqual((await restore(third, since)).changed, 0, "in whatever order");
    await held.caughtUp();
    assert.equal(await held.collection("dashboards").get("ops"), undefined);
    assert.deepEqual(await contentOf(held), await contentOf(web1));
  });

  test("a restore that is interrupted goes on when it is started again", async () => {
    await using many = await deploy({ webservers: 1, sync: "default" });
    const [source] = many.buses as [Bus];
    const data = "x".repeat(20_000);
    await source.collection("dashboards").putMany(Array.from({ length: 600 }, (_, n) => ({ id: `d${n}`, name: `D ${n}`, data })));
    const large = join(many.dir, "large.jsonl");
    assert.equal((await frontsync("backup", large, "--datastore", many.datastore.address)).code, 0);
    await using empty = await deploy({ webservers: 1, sync: "default" });
    const [web1] = empty.buses as [Bus];
    const first = web1.collection("dashboards").changes();
    const running = startCommand("restore", large, "--datastore", empty.datastore.address, "--json");
    assert.equal((await first.next()).value?.op, "put");
    running.child.kill("SIGINT");
    const { code, stdout } = await running.ended;
    const told = JSON.parse(stdout.split("\n")[0] ?? "") as Summary;
    assert.deepEqual([code, told.complete], told.read === 601 ? [0, true] : [130, false]);
    const rest = await restore(empty, large);
    assert.deepEqual([rest.code, rest.read, rest.refused], [0, 601, 0]);
    assert.equal(rest.added + told.added, 600, "nothing is written twice");
    await web1.caughtUp();
    assert.equal((await web1.collection("dashboards").get("d599"))?.doc.name, "D 599");
  });

  test("a backup without secrets leaves the passwords that are there", async () => {
    await using other = await deploy({ webservers: 1, sync: "default" });
    const [web1] = other.buses as [Bus];
    await restore(other, file);
    await bus.collection("users").patch(String(people.uid), { email: "alice@example.invalid" });
    const open = join(full.dir, "open.jsonl");
    assert.equal((await frontsync("backup", open, "--datastore", full.datastore.address, "--omit-secrets")).code, 0);
    assert.equal((await restore(other, open)).changed, 1);
    await web1.caughtUp();
    assert.equal((await web1.collection("users").get(String(people.uid)))?.doc.email, "alice@example.invalid");
    assert.equal((await web1.call("users.login", { user: "alice", password: "alice's password" })).uid, people.uid);
  });

  test("an encrypted backup needs its password, and its end", async () => {
    await using empty = await deploy({ webservers: 1, sync: "default" });
    const { address } = empty.datastore;
    const [password, wrong, locked] = ["password", "wrong", "locked"].map((name) => join(empty.dir, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(password, "a secret\n");
    writeFileSync(wrong, "another\n");
    const made = await frontsync("backup", locked, "--datastore", full.datastore.address, "--password-file", password);
    assert.equal(made.code, 0, made.stderr);
    assert.doesNotMatch(readFileSync(locked, "latin1"), /Operations|alice/);
    const refused = async (...args: string[]) => {
      const { code, stderr } = await frontsync("restore", ...args, "--datastore", address);
      assert.equal(code, 1);
      return stderr;
    };
    assert.match(await refused(locked, "--password-file", wrong), /^frontsync: BACKUP_DAMAGED: .*the password is another one/);
    assert.match(await refused(locked), /^frontsync: BAD_CONFIG: .*--password-file/);
    const cut = join(empty.dir, "cut");
    const bytes = readFileSync(locked);
    // Its first chunk is whole: that it is not the last one is what gives it away.
    const first = bytes.indexOf(10) + 1;
    for (const end of [bytes.length - 1, first + 4 + bytes.readUInt32BE(first) + 16, first]) {
      writeFileSync(cut, bytes.subarray(0, end));
      assert.match(await refused(cut, "--password-file", password), /^frontsync: BACKUP_DAMAGED: /);
    }
    const restored = await restore(empty, locked, "--password-file", password);
    assert.deepEqual([restored.code, restored.refused, restored.added], [0, 0, documents() - 1]);
  });

  test("a user whose name is taken is stored under another one, and locked", async () => {
    await using other = await deploy({ webservers: 1, sync: "default" });
    const [web1] = other.buses as [Bus];
    while ((await makeUser(web1)) < people.uid);
    const namesake = await makeUser(web1, { user: "ALICE" });
    // In the place of the backup's alice is somebody else, whom the backup does not take it from: what is newer stays.
    assert.deepEqual((await restore(other, file)).renamed, []);

    const uid = namesake + 1000;
    const moved = join(other.dir, "moved.jsonl");
    writeFileSync(moved, sealed(readFileSync(file, "utf8"), people.uid, uid));
    const summary = await restore(other, moved);
    assert.deepEqual([summary.code, summary.renamed], [0, [{ uid: String(uid), user: "alice", storedAs: `alice~${uid}` }]]);
    assert.match(summary.stderr, /is stored as 'alice~\d+', and locked/);
    await web1.caughtUp();
    const { doc } = (await web1.collection("users").get(String(uid))) ?? {};
    assert.deepEqual([doc?.user, doc?.locked], [`alice~${uid}`, true]);
    await assert.rejects(web1.call("users.login", { user: `alice~${uid}`, password: "alice's password" }), {
      code: "USER_LOCKED",
    });
    assert.deepEqual((await restore(other, moved)).renamed, [], "once");
  });

  test("a damaged backup is refused, and nothing is written", async (t) => {
    await using empty = await deploy({ webservers: 1, sync: "default" });
    const [web1] = empty.buses as [Bus];
    const before = web1.status().head;
    const text = readFileSync(file, "utf8");
    const lines = text.trimEnd().split("\n");
    const broken: Record<string, string> = {
      "cut off": text.slice(0, -10),
      "without its seal": `${lines.slice(0, -1).join("\n")}\n`,
      "without a record": `${[...lines.slice(0, 2), ...lines.slice(3)].join("\n")}\n`,
      "with another word": text.replace("Operations", "Oqerations"),
      "with something behind it": `${text}{}\n`,
      "something else": "hello\n",
      empty: "",
    };
    const folder = temporaryFolder(t);
    mkdirSync(folder, { recursive: true });
    for (const [how, damaged] of Object.entries(broken)) {
      writeFileSync(join(folder, "damaged"), damaged);
      const { code, stderr } = await frontsync("restore", join(folder, "damaged"), "--datastore", empty.datastore.address);
      assert.equal(code, 1, how);
      assert.match(stderr, /^frontsync: BACKUP_DAMAGED: .* Nothing was restored/, how);
    }
    for (const args of [[], [file, "--from-replica", folder], [join(folder, "nothing")], [folder], ["--from-replica", folder]]) {
      const { code, stderr } = await frontsync("restore", ...args, "--datastore", empty.datastore.address);
      assert.equal(code, 1, args.join(" "));
      assert.match(stderr, /^frontsync: (BAD_CONFIG|NOT_FOUND|BACKUP_DAMAGED): /);
    }
    await web1.caughtUp();
    assert.equal(web1.status().head, before);
  });

  test("a datastore is seeded from the files of any webserver, and not from damaged ones", async (t) => {
    await bus.close(); // writes its last snapshot
    const copy = temporaryFolder(t);
    for (const name of ["users.db", "webstore.db"]) copyFileSync(join(full.dir, "web1", name), join(copy, name));
    await using empty = await deploy({ webservers: 1, sync: "default" });
    const [web1] = empty.buses as [Bus];
    const look = await restore(empty, "--from-replica", copy, "--dry-run");
    const seeded = await restore(empty, "--from-replica", copy);
    assert.deepEqual(counts(seeded), counts(look));
    assert.deepEqual([seeded.code, seeded.added], [0, documents() - 1], seeded.stderr);
    await web1.caughtUp();
    assert.deepEqual((await contentOf(web1)).dashboards, content.dashboards);
    assert.equal((await web1.call("users.login", { user: "alice", password: "alice's password" })).uid, people.uid);

    const damaged = readFileSync(join(copy, "webstore.db"));
    damaged.write("Oqerations", damaged.indexOf("Operations"));
    writeFileSync(join(copy, "webstore.db"), damaged);
    const refused = await frontsync("restore", "--from-replica", copy, "--datastore", empty.datastore.address);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^frontsync: BACKUP_DAMAGED: /);
  });
});
