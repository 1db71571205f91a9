/** The documents: what they show is run. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Bus, connectBus } from "../bus/index.ts";
import { startDatastore } from "../functions/datastore.ts";
import { findNatsServer, launchNatsServer } from "../functions/nats-server/index.ts";
import { ERRORS } from "../schemas/errors.ts";
import { loadSchemas } from "../schemas/index.ts";
import { CONTENT, contentAt } from "./support/backups.ts";
import { blocksOf } from "./support/blocks.ts";
import { frontsync } from "./support/command.ts";
import { deploy, patient } from "./support/deployment.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { warningsOf } from "./support/warnings.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const blocks = (file: string, info: string) => blocksOf(read(file)).flatMap((block) => (block.info === info ? [block.text] : []));

test("the README's session prints what its comments say", () => {
  const [example] = blocks("README.md", "js example");
  assert.ok(example);
  const folder = join(ROOT, "dist/examples");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `readme-${process.pid}.mjs`);
  writeFileSync(file, example);
  try {
    const { stdout, stderr, status } = spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 300_000 });
    const promised = [...example.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text);
    assert.deepEqual({ status, printed: stdout.trim().split("\n") }, { status: 0, printed: promised }, stderr);
  } finally {
    rmSync(file, { force: true });
  }
});

test("the lines of the README are scripts and commands that there are", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const text = read("README.md") + read("CONTRIBUTING.md");
  for (const [, script] of text.matchAll(/npm run ([a-z:]+)/g)) assert.ok(scripts[script as string], `npm run ${script}`);
  const commands = new Set([...text.matchAll(/npx frontsync ([a-z]+)/g)].map(([, command]) => command as string));
  assert.ok(commands.size >= 4);
  for (const command of commands) {
    const { status } = spawnSync(process.execPath, [join(ROOT, "dist/scripts/frontsync.js"), command, "--help"], {
      timeout: 300_000,
    });
    assert.equal(status, 0, `frontsync ${command} --help`);
  }
});

test("CONTRIBUTING's collection is one", (t) => {
  const [example] = blocks("CONTRIBUTING.md", "json");
  assert.ok(example);
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, `${(JSON.parse(example) as { $id: string }).$id}.json`), example);
  const notes = loadSchemas([folder]).collection("notes");
  notes.validate({ id: "1", name: "One", text: "…" });
  assert.throws(() => notes.validate({ id: "1", name: "One", text: 1 }), { code: "SCHEMA_INVALID", path: "/text" });
});

test("CONTRIBUTING names every property of a collection's declaration", () => {
  const { properties } = JSON.parse(read("schemas/collection.meta.json")) as { properties: object };
  for (const property of Object.keys(properties)) assert.match(read("CONTRIBUTING.md"), new RegExp(`["\`]${property}["\`]`));
});

test("every relative link of the documents leads to something", () => {
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).map((file) => `docs/${file}`);
  for (const document of ["README.md", "CONTRIBUTING.md", ...docs].filter((file) => file.endsWith(".md"))) {
    for (const [, target] of read(document).matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      assert.ok(existsSync(join(ROOT, document, "..", target as string)), `${document}: ${target}`);
    }
  }
});

test("every error code is explained", () => {
  const explained = [...read("docs/errors.md").matchAll(/^\| `([A-Z_]+)`/gm)].map(([, code]) => code);
  assert.deepEqual(explained, Object.keys(ERRORS));
});

test("the NATS configuration of docs/operations.md keeps webservers and functions in two accounts", async (t) => {
  const [example] = blocks("docs/operations.md", "");
  assert.ok(example);
  const folder = temporaryFolder(t);
  const config = `host: 127.0.0.1\nport: -1\n${example.replaceAll("<Control-Auth>", "a secret").replace("/var/lib/nats", join(folder, "store"))}`;
  const { path: binary } = await findNatsServer();
  await using server = await launchNatsServer({ binary, config, dir: join(folder, "nats") });
  const nats = `127.0.0.1:${server.port}`;
  await using datastore = await startDatastore({ dir: join(folder, "datastore"), nats, controlAuth: "a secret" });
  await using web1 = await connectBus({
    datastore: datastore.address,
    webserver: "web1",
    dir: join(folder, "web1"),
    controlAuth: "a secret",
  });
  await patient(web1).caughtUp();
  await web1.collection("dashboards").put({ id: "d", name: "D" });
  // On a machine with much to do it may have waited.
  await web1.caughtUp(null, { timeoutMs: 60_000 });
  assert.ok((await web1.collection("dashboards").get("d"))?.revision);
  await eventually("it warns of one thing", 60_000, () => warningsOf(web1).join() === "SYNC_UNKNOWN");
});

test("the commands of docs/operations.md for a backup, a new datastore's seed, the fuse, a rescue and a reseed do what it says", async () => {
  await using deployment = await deploy({ webservers: 1, sync: "default" });
  await using fresh = await deploy({ sync: "default" });
  const [web1] = deployment.buses as [Bus];
  await web1.collection("dashboards").put({ id: "ops", name: "Operations" });
  await web1.resources.upload(Readable.from([CONTENT]), { id: "table", name: "table.csv" });
  const here = process.cwd();
  process.chdir(deployment.dir);
  try {
    const run = async (name: string, address: string) => {
      const commands = blocks("docs/operations.md", `sh ${name}`).join("").trim().split("\n");
      for (const command of commands) {
        const { code, stderr } = await frontsync(...command.split(" ").slice(1), "--datastore", address);
        assert.equal(code, 0, `${command}: ${stderr}`);
      }
      return commands.length;
    };
    assert.equal(await run("backup", deployment.datastore.address), 4);
    await web1.close(); // writes its snapshot
    writeFileSync("password", "another one\n");
    assert.equal(await run("seed", fresh.datastore.address), 2);
    assert.equal(await run("fuse", fresh.datastore.address), 1);
    assert.equal(await run("rescue", fresh.datastore.address), 3);
    assert.equal(await run("reseed", fresh.datastore.address), 1);
  } finally {
    process.chdir(here);
  }
  const web2 = await fresh.connect("web2");
  assert.equal((await web2.collection("dashboards").get("ops"))?.doc.name, "Operations");
  assert.deepEqual(await contentAt(web2, "table"), CONTENT);
  assert.equal((await web2.call("users.login", { user: "admin", password: "another one" })).uid, 1);
});
