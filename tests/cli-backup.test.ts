// Goal: a backup is one whole file with everything in it as it was at one revision, or there is none.
// Method: a real datastore with documents of several collections; the command; the file is read line by line.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { User } from "../bus/index.ts";
import type { BackupHeader, BackupPiece, BackupRecord, BackupSeal } from "../scripts/support/backup/format.ts";
import { CONTENT, fill } from "./support/backups.ts";
import { figures, frontsync } from "./support/command.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

/** A collection with a secret field, which frontsync does not have itself. */
const VAULTS = JSON.stringify({
  $schema: "http://json-schema.org/draft-07/schema#",
  ...{ $id: "vaults", title: "Vault", description: "A secret.", type: "object", allOf: [{ $ref: "document" }] },
  required: ["id", "name"],
  properties: { key: { type: "string", maxLength: 100, writeOnly: true } },
  collection: {
    ...{ version: 1, database: "webstore", key: ["id"], owner: "ownerId", name: "name", indexes: ["name"] },
    ...{ limits: { bytes: 65536 }, policy: "merge", offline: true, retention: { versions: 20 } },
  },
});

interface Summary extends BackupHeader {
  ok: boolean;
  records: number;
  documents: number;
  collections: Record<string, { documents: number; tombstones: number }>;
}

describe("with a datastore", () => {
  let deployment: Deployment;
  let address: string;
  let people: { uid: number; gid: number };

  before(async () => {
    deployment = await deploy({ webservers: 1, sync: "default" });
    address = deployment.datastore.address;
    people = await fill(deployment.buses[0] as never);
  });
  after(() => deployment?.[Symbol.asyncDispose]());

  interface Lines {
    header: BackupHeader;
    pieces: BackupPiece[];
    records: BackupRecord[];
    seal: BackupSeal["seal"];
  }

  function linesOf(file: string): Lines {
    const text = readFileSync(file, "utf8");
    assert.ok(text.endsWith("\n"));
    const [header, ...rest] = text.trimEnd().split("\n");
    const last = rest.pop() ?? "";
    const { seal } = JSON.parse(last) as BackupSeal;
    const sealed = text.slice(0, -(last.length + 1));
    assert.equal(createHash("sha256").update(sealed).digest("hex"), seal.sha256);
    const values = rest.map((line) => JSON.parse(line) as BackupRecord | BackupPiece);
    const records = values.filter((value): value is BackupRecord => "collection" in value);
    const pieces = values.filter((value): value is BackupPiece => "content" in value);
    assert.deepEqual([records.length, pieces.length], [seal.records, values.length - records.length]);
    return { header: JSON.parse(header ?? ""), pieces, records, seal };
  }

  test("a backup has every document and tombstone, as of one revision", async (t) => {
    const file = join(temporaryFolder(t), "backup.jsonl");
    const summary = await figures<Summary>("backup", file, "--datastore", address);
    assert.equal(summary.code, 0, summary.stderr);
    const head = deployment.buses[0]?.status().head;
    const { header, pieces, records, seal } = linesOf(file);
    assert.deepEqual([header.frontsync, header.format, header.revision], ["backup", 2, head]);
    const bytes = Buffer.concat(pieces.map(({ base64 }) => Buffer.from(base64, "base64")));
    assert.deepEqual([seal.contents, pieces.length, bytes.equals(CONTENT)], [1, 3, true], "the content, in pieces");
    assert.equal(header.generation, deployment.datastore.generation);
    assert.equal(summary.records, records.length);
    assert.deepEqual(summary.collections.dashboards, { documents: 2, tombstones: 1 });

    const byId = (collection: string, id: string) => records.find((each) => each.collection === collection && each.id === id);
    const ops = byId("dashboards", "ops");
    assert.deepEqual([ops?.doc?.description, ops?.by], ["What runs where", people.uid]);
    assert.ok(ops && ops.created < ops.at && ops.revision <= header.revision);
    assert.equal(byId("dashboards", "old")?.doc, undefined, "a tombstone has no document");
    assert.ok(byId("dashboards", `long-${"x".repeat(300)}/é`)?.doc);
    assert.ok(byId("searches", `${people.uid}/0`)?.doc);
    const alice = byId("users", String(people.uid))?.doc as User | undefined;
    assert.ok(alice?.password?.hash);
    assert.ok(records.every(({ revision }) => revision <= header.revision));
    assert.equal(new Set(records.map(({ collection, id }) => `${collection} ${id}`)).size, records.length);
    assert.equal(statSync(file).mode & 0o077, 0, "nobody else can read it");
  });

  test("without secrets it has no password hash", async (t) => {
    const file = join(temporaryFolder(t), "backup.jsonl");
    const { code, stdout } = await frontsync("backup", file, "--datastore", address, "--omit-secrets");
    assert.equal(code, 0);
    assert.match(stdout, /documents and \d+ tombstones? at revision \d+, .*\nWithout secrets/);
    const { header, records } = linesOf(file);
    assert.equal(header.withoutSecrets, true);
    assert.doesNotMatch(readFileSync(file, "utf8"), /scrypt/);
    assert.equal(records.filter(({ collection }) => collection === "users").length, 2);
  });

  test("a backup that can't be made leaves what was there, and nothing else", async (t) => {
    const folder = temporaryFolder(t);
    const file = join(folder, "backup.jsonl");
    writeFileSync(file, "the one before");
    const unreachable = await frontsync("backup", file, "--datastore", "127.0.0.1:1");
    assert.equal(unreachable.code, 1);
    assert.match(unreachable.stderr, /^frontsync: DATASTORE_UNREACHABLE: /);
    const nowhere = await frontsync("backup", join(folder, "no", "folder"), "--datastore", address);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /^frontsync: BAD_CONFIG: .*can't be written/);
    assert.deepEqual([readdirSync(folder), readFileSync(file, "utf8")], [["backup.jsonl"], "the one before"]);
    const again = await frontsync("backup", file, "--datastore", address);
    assert.equal(again.code, 0);
    assert.deepEqual(readdirSync(folder), ["backup.jsonl"]);
    linesOf(file);
  });

  test("what is no file is left as it is, and a link leads to its file", async (t) => {
    const folder = temporaryFolder(t);
    const [pipe, link, file] = ["pipe", "link", "file"].map((name) => join(folder, name)) as [string, string, string];
    execFileSync("mkfifo", [pipe]);
    const refused = await frontsync("backup", pipe, "--datastore", address);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^frontsync: BAD_CONFIG: .*pipe is no file/);
    assert.ok(lstatSync(pipe).isFIFO());
    const unread = await frontsync("restore", pipe, "--datastore", address);
    assert.equal(unread.code, 1);
    assert.match(unread.stderr, /^frontsync: BAD_CONFIG: .*pipe is no file, and can't be read twice/);

    writeFileSync(file, "the one before");
    symlinkSync("file", link);
    assert.equal((await frontsync("backup", link, "--datastore", address)).code, 0);
    assert.deepEqual([readdirSync(folder).sort(), lstatSync(link).isSymbolicLink()], [["file", "link", "pipe"], true]);
    linesOf(file);
  });

  test("without secrets, no collection is taken whose secrets are not known", async (t) => {
    const folder = temporaryFolder(t);
    const schemas = join(folder, "schemas");
    mkdirSync(schemas);
    writeFileSync(join(schemas, "vaults.json"), VAULTS);
    await using withVaults = await deploy({ webservers: 1, sync: "default", schemas: [schemas], bus: { schemas: [schemas] } });
    await withVaults.buses[0]?.collection("vaults").put({ id: "v", name: "Vault", key: "a secret of ours" });
    const file = join(folder, "backup.jsonl");
    const backup = (...args: string[]) => frontsync("backup", file, ...args, "--datastore", withVaults.datastore.address);
    const refused = await backup("--omit-secrets");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^frontsync: UNKNOWN_COLLECTION: .*"vaults".*--schemas/);
    assert.deepEqual(readdirSync(folder), ["schemas"]);
    const config = join(folder, "frontsync.conf");
    writeFileSync(config, `[Global]\nSchema-Folder = ${schemas}\n`);
    for (const known of [
      ["--schemas", schemas],
      ["--config", config],
    ]) {
      assert.equal((await backup("--omit-secrets", ...known)).code, 0);
      assert.doesNotMatch(readFileSync(file, "utf8"), /a secret of ours/);
      assert.ok(linesOf(file).records.some(({ collection }) => collection === "vaults"));
    }
  });
});
