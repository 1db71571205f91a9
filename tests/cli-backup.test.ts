// Goal: a backup is one whole file with everything in it as it was at one revision, or there is none.
// Method: a real datastore with documents of several collections; the command; the file is read line by line.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { User } from "../bus/index.ts";
import type { BackupHeader, BackupPiece, BackupRecord, BackupSeal } from "../scripts/support/backup/format.ts";
import { CONTENT, fill } from "./support/backups.ts";
import { figures, frontsync } from "./support/command.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

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
});
