// Goal: what a backup or any webserver holds can be brought back into a datastore that has lost it, and never costs what is newer there.
// Method: a datastore that is backed up, and two that start empty, which each case leaves to the next one; documents, authors, times and contents
// are compared before and after. The command runs within the test.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Bus } from "../bus/index.ts";
import { CONTENT, contentAt, contentOf, fill } from "./support/backups.ts";
import { frontsync, type Restored, restored } from "./support/command.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

/** A backup whose user has another uid, sealed again. */
function sealed(backup: string, from: number, to: number): string {
  const lines = backup.trimEnd().split("\n").slice(0, -1);
  const moved = lines.map((line) =>
    line.includes('"collection":"users"')
      ? line.replace(`"id":"${from}"`, `"id":"${to}"`).replace(`"uid":${from}`, `"uid":${to}`)
      : line,
  );
  const text = `${moved.join("\n")}\n`;
  const records = moved.filter((line) => line.includes('"collection":')).length;
  const seal = { records, contents: 1, sha256: createHash("sha256").update(text).digest("hex") };
  return `${text}${JSON.stringify({ seal })}\n`;
}

const counts = ({ code, added, changed, deleted, marked, left, refused }: Restored) => ({
  ...{ code, added, changed, deleted, marked, left, refused },
});

describe("from a datastore with documents", () => {
  let [full, empty, other]: Deployment[] = [];
  let [bus, web1, held]: Bus[] = [];
  let people: { uid: number; gid: number };
  let file: string;
  let content: Awaited<ReturnType<typeof contentOf>>;
  let documents: number;

  const at = (deployment: Deployment | undefined) => ["--datastore", deployment?.datastore.address ?? assert.fail()];
  const restore = (to: Deployment | undefined, ...args: string[]) => restored(...args, ...at(to));
  const backup = async (of: Deployment | undefined, name: string, ...args: string[]) => {
    const made = join(full?.dir ?? assert.fail(), name);
    const { code, stderr } = await frontsync("backup", made, ...args, ...at(of));
    assert.equal(code, 0, stderr);
    return made;
  };

  before(async () => {
    const options = { webservers: 1, sync: "default" as const };
    [full, empty, other] = await Promise.all([deploy(options), deploy(options), deploy(options)]);
    [bus, web1, held] = [full, empty, other].map(({ buses }) => buses[0] as Bus);
    people = await fill(bus as Bus);
    content = await contentOf(bus as Bus);
    documents = Object.values(content).flat().length;
    file = await backup(full, "backup.jsonl");
  });
  after(async () => {
    for (const deployment of [full, empty, other]) await deployment?.[Symbol.asyncDispose]();
  });

  test("a damaged backup is refused, and nothing is written", async (t) => {
    const revision = web1?.status().head;
    const text = readFileSync(file, "utf8");
    const lines = text.trimEnd().split("\n");
    const broken: Record<string, string> = {
      "cut off": text.slice(0, -10),
      "without its seal": `${lines.slice(0, -1).join("\n")}\n`,
      "without a record": `${[...lines.slice(0, 5), ...lines.slice(6)].join("\n")}\n`,
      "without a piece of a content": `${[...lines.slice(0, 2), ...lines.slice(3)].join("\n")}\n`,
      "with another word": text.replace("Operations", "Oqerations"),
      "with something behind it": `${text}{}\n`,
      "something else": "hello\n",
      empty: "",
    };
    const folder = temporaryFolder(t);
    mkdirSync(folder, { recursive: true });
    for (const [how, damaged] of Object.entries(broken)) {
      writeFileSync(join(folder, "damaged"), damaged);
      for (const mode of ["merge", "replace"]) {
        const { code, stderr } = await frontsync("restore", join(folder, "damaged"), "--mode", mode, ...at(empty));
        assert.equal(code, 1, how);
        assert.match(stderr, /^frontsync: BACKUP_DAMAGED: .* Nothing was restored/, how);
      }
    }
    for (const args of [[], [file, "--from-replica", folder], [file, "--abort"]]) {
      const { code, stderr } = await frontsync("restore", ...args, ...at(empty));
      assert.deepEqual([code, stderr.startsWith("frontsync: BAD_CONFIG: ")], [2, true], args.join(" "));
    }
    for (const args of [[join(folder, "no")], [folder], ["--from-replica", folder]]) {
      const { code, stderr } = await frontsync("restore", ...args, ...at(empty));
      assert.equal(code, 1, args.join(" "));
      assert.match(stderr, /^frontsync: (BAD_CONFIG|NOT_FOUND): /);
    }
    await web1?.caughtUp();
    assert.equal(web1?.status().head, revision);
  });

  test("an empty datastore is as it was before, from an encrypted backup that needs its password and its end", async () => {
    const [password, wrong] = ["password", "wrong"].map((name) => join(full?.dir ?? "", name)) as [string, string];
    writeFileSync(password, "a secret\n");
    writeFileSync(wrong, "another\n");
    const locked = await backup(full, "locked", "--password-file", password);
    assert.doesNotMatch(readFileSync(locked, "latin1"), /Operations|alice/);
    const refused = async (...args: string[]) => {
      const { code, stderr } = await frontsync("restore", ...args, ...at(empty));
      assert.equal(code, 1);
      return stderr;
    };
    assert.match(await refused(locked, "--password-file", wrong), /^frontsync: BACKUP_DAMAGED: .*the password is another one/);
    assert.match(await refused(locked), /^frontsync: BAD_CONFIG: .*--password-file/);
    const cut = join(full?.dir ?? "", "cut");
    const bytes = readFileSync(locked);
    // Its first chunk is whole: that it is not the last one is what gives it away.
    const first = bytes.indexOf(10) + 1;
    for (const end of [bytes.length - 1, first + 4 + bytes.readUInt32BE(first) + 16, first]) {
      writeFileSync(cut, bytes.subarray(0, end));
      assert.match(await refused(cut, "--password-file", password), /^frontsync: BACKUP_DAMAGED: /);
    }

    const before = web1?.status().head;
    const look = await restore(empty, locked, "--password-file", password, "--dry-run");
    // The user of the first start is there already, and its time is 0 in both.
    const expected = { code: 0, added: documents - 1, changed: 0, deleted: 0, marked: 1, left: 1, refused: 0 };
    assert.deepEqual(counts(look), expected, look.stderr);
    await web1?.caughtUp();
    assert.equal(web1?.status().head, before, "a dry run writes nothing");
    const done = await restore(empty, locked, "--password-file", password);
    assert.deepEqual([counts(done), done.contents, done.sessions], [expected, 1, 2], done.stderr);
  });

  test("with ids, authors, times, passwords and contents; a second time changes nothing, and no id is given twice", async () => {
    assert.ok(web1);
    await web1.caughtUp();
    assert.deepEqual(await contentOf(web1), content);
    assert.deepEqual(await contentAt(web1, "table"), CONTENT);
    const alice = await web1.call("users.login", { user: "alice", password: "alice's password" });
    assert.equal(alice.uid, people.uid);
    assert.equal(Number((await web1.collection("groups").put({ name: "later" })).id), people.gid + 1);
    const again = await restore(empty, file);
    assert.deepEqual([again.code, again.added + again.changed + again.deleted + again.marked], [0, 0]);
    assert.equal(again.left, again.read);
  });

  test("what is newer stays, what is older is brought forward, and what was deleted is deleted", async () => {
    assert.ok(web1 && held);
    await web1.collection("dashboards").patch("ops", { name: "Renamed since" });
    const since = await backup(empty, "since.jsonl");
    await web1.collection("dashboards").delete("ops");
    await web1.collection("dashboards").put({ id: "new", name: "New" });
    const older = await restore(empty, file);
    assert.deepEqual([older.code, older.left], [0, older.read], "the tombstone is newer than what the backup has");
    const later = await backup(empty, "later.jsonl");

    assert.equal((await restore(other, file)).added, documents - 1);
    const changed = await restore(other, since);
    assert.deepEqual([changed.collections.dashboards?.changed, changed.collections.dashboards?.added], [1, 0]);
    const deleted = await restore(other, later);
    assert.deepEqual([deleted.deleted, deleted.added], [1, 1]);
    assert.deepEqual((await restore(other, since)).changed, 0, "in whatever order");
    await Promise.all([web1.caughtUp(), held.caughtUp()]);
    assert.equal(await held.collection("dashboards").get("ops"), undefined);
    assert.deepEqual((await contentOf(held)).dashboards, (await contentOf(web1)).dashboards);
  });

  test("without secrets the passwords that are there stay, and who has none is named", async () => {
    assert.ok(bus && held);
    await bus.collection("users").patch(String(people.uid), { email: "alice@example.invalid" });
    await bus.collection("users").put({ user: "bob" });
    const open = await backup(full, "open.jsonl", "--omit-secrets");
    const summary = await restore(other, open);
    assert.deepEqual([summary.changed, summary.added, summary.withoutPassword.map(({ user }) => user)], [1, 1, ["bob"]]);
    assert.match(summary.stderr, /'bob'\) has no password: .* Give a new one/);
    await held.caughtUp();
    assert.equal((await held.collection("users").get(String(people.uid)))?.doc.email, "alice@example.invalid");
    assert.equal((await held.call("users.login", { user: "alice", password: "alice's password" })).uid, people.uid);
    await assert.rejects(held.call("users.login", { user: "bob", password: "" }), { code: "BAD_MESSAGE" });
    await assert.rejects(held.call("users.login", { user: "bob", password: "x" }), { code: "LOGIN_FAILED" });
  });

  test("a user whose name is taken is stored under another one, and locked", async () => {
    assert.ok(held);
    const uid = people.uid + 1000;
    const moved = join(full?.dir ?? "", "moved.jsonl");
    writeFileSync(moved, sealed(readFileSync(file, "utf8"), people.uid, uid));
    const summary = await restore(other, moved);
    assert.deepEqual([summary.code, summary.renamed], [0, [{ uid: String(uid), user: "alice", storedAs: `alice~${uid}` }]]);
    assert.match(summary.stderr, /is stored as 'alice~\d+', and locked/);
    await held.caughtUp();
    const { doc } = (await held.collection("users").get(String(uid))) ?? {};
    assert.deepEqual([doc?.user, doc?.locked], [`alice~${uid}`, true]);
    await assert.rejects(held.call("users.login", { user: `alice~${uid}`, password: "alice's password" }), {
      code: "USER_LOCKED",
    });
    assert.deepEqual((await restore(other, moved)).renamed, [], "once");
  });
});
