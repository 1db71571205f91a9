// Goal: a folder of dashboard files gets into the datastore once, whatever is in the folder; and `status` says how things stand.
// Method: a real datastore on a free port; the built command runs as a user runs it; what arrived is read from a bus of the test's own.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Bus } from "../bus/api.ts";
import { connectBus } from "../bus/index.ts";
import { type Datastore, startDatastore } from "../functions/datastore.ts";
import type { ImportSummary } from "../scripts/support/import/load.ts";
import type { Overview } from "../scripts/support/status/overview.ts";
import { patient } from "./support/deployment.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";

const COMMAND = fileURLToPath(new URL("../scripts/frontsync.js", import.meta.url));
/** Real ones, where they have been laid beside the repository. */
const DASHBOARDS = fileURLToPath(new URL("../../../shared/data/dashboards", import.meta.url));
const NOBODY = "127.0.0.1:1";

interface Ended {
  code: number | string;
  stdout: string;
  stderr: string;
}

async function frontsync(...args: string[]): Promise<Ended> {
  const ended = promisify(execFile)(process.execPath, [COMMAND, ...args], { timeout: 300_000, maxBuffer: 16 << 20 });
  return ended.then(
    (output) => ({ code: 0, ...output }),
    (error: Ended) => error,
  );
}

describe("with a datastore", () => {
  const home = mkdtempSync(join(tmpdir(), "frontsync-test-"));
  let datastore: Datastore;
  let bus: Bus;

  before(async () => {
    datastore = await startDatastore({ dir: join(home, "datastore"), port: 0, sync: "default" });
    bus = await connectBus({
      datastore: datastore.address,
      webserver: "web1",
      dir: join(home, "web1"),
      externalAddr: "web1.test.invalid",
      updateInterval: 0.2,
    });
    await patient(bus).caughtUp();
  });
  after(async () => {
    await bus?.close();
    await datastore?.stop();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  });

  async function importFrom(dir: string, ...flags: string[]): Promise<ImportSummary & { code: number | string; stderr: string }> {
    const { code, stdout, stderr } = await frontsync(
      "import",
      "dashboards",
      dir,
      "--datastore",
      datastore.address,
      "--json",
      ...flags,
    );
    assert.match(stdout, /^\{[^\n]*\}\n$/, `one line: ${stdout}${stderr}`);
    return { ...(JSON.parse(stdout) as ImportSummary), code, stderr };
  }

  function folder(t: TestContext, files: Record<string, unknown>): string {
    const root = temporaryFolder(t);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), typeof content === "string" ? content : JSON.stringify(content, null, 2));
    }
    return root;
  }

  const figures = ({ read, added, changed, unchanged, failed }: ImportSummary) => ({ read, added, changed, unchanged, failed });

  test("an import writes what is new or changed, and a second one nothing", async (t) => {
    const files = {
      "own.json": { id: "import-own", name: "Own", labels: ["a"], data: { n: -0 } },
      "foreign.json": { uid: "import-foreign", title: "Foreign", tags: ["b"], panels: [1, 2, 3] },
      "deep/nameless.json": { panels: [] },
    };
    const root = folder(t, files);
    const look = await importFrom(root, "--dry-run");
    assert.deepEqual([look.code, look.headAfter], [0, look.headBefore]);
    assert.deepEqual(figures(look), { read: 3, added: 3, changed: 0, unchanged: 0, failed: 0 });

    const first = await importFrom(root);
    assert.equal(first.code, 0, first.stderr);
    assert.deepEqual(figures(first), { read: 3, added: 3, changed: 0, unchanged: 0, failed: 0 });
    assert.equal(first.headBefore, look.headAfter, "a dry run writes nothing");
    await bus.caughtUp(first.headAfter);
    const foreign = await bus.collection("dashboards").get("import-foreign");
    assert.deepEqual([foreign?.doc.name, foreign?.doc.labels, foreign?.doc.data], ["Foreign", ["b"], files["foreign.json"]]);

    const second = await importFrom(root);
    assert.deepEqual(figures(second), { read: 3, added: 0, changed: 0, unchanged: 3, failed: 0 });
    assert.deepEqual([second.headBefore, second.headAfter], [first.headAfter, first.headAfter], "the head is unchanged");

    writeFileSync(join(root, "own.json"), JSON.stringify({ ...files["own.json"], name: "Renamed" }));
    const third = await importFrom(root);
    assert.deepEqual(figures(third), { read: 3, added: 0, changed: 1, unchanged: 2, failed: 0 });
    await bus.caughtUp(third.headAfter);
    assert.equal((await bus.collection("dashboards").get("import-own"))?.doc.name, "Renamed");
  });

  test("an import reports each bad file with its path and code, and the others go on", async (t) => {
    const root = folder(t, {
      "a-good.json": { id: "import-good", name: "Good", data: 1 },
      "b-not-json.json": "{",
      "c-list.json": [],
      "d-large.json": { name: "Large", data: "x".repeat(5 << 20) },
      "e-same-id.json": { id: "import-good", name: "Same id", data: 2 },
      "f-bad-id.json": { id: "x".repeat(2000), name: "Bad id", data: 1 },
      "g-bad-field.json": { id: "import-bad", name: "Bad field", labels: "none", data: 1 },
      "z-good.json": { id: "import-last", name: "Good", data: 1 },
    });
    symlinkSync("loop.json", join(root, "loop.json"));
    const summary = await importFrom(root);
    assert.equal(summary.code, 1);
    assert.deepEqual(figures(summary), { read: 8, added: 2, changed: 0, unchanged: 0, failed: 7 });
    const codes = summary.errors.map(({ path, code }) => `${path} ${code}`).sort();
    assert.deepEqual(codes, [
      "b-not-json.json BAD_MESSAGE",
      "c-list.json SCHEMA_INVALID",
      "d-large.json TOO_LARGE",
      "e-same-id.json BAD_ID",
      "f-bad-id.json BAD_ID",
      "g-bad-field.json SCHEMA_INVALID",
      "loop.json BAD_CONFIG",
    ]);
    assert.ok((summary.errors.find(({ code }) => code === "TOO_LARGE")?.limit ?? 0) > 1 << 20, "the limit is told");
    for (const line of codes) assert.ok(summary.stderr.includes(line.split(" ")[0] ?? ""), `${line} is on stderr`);
    await bus.caughtUp(summary.headAfter);
    assert.deepEqual((await bus.collection("dashboards").get("import-good"))?.doc.name, "Good");
  });

  test("an import of large documents keeps them whole", async (t) => {
    const root = folder(t, { "large.json": { id: "import-large", name: "Large", data: "ü".repeat(3 << 19) } });
    const summary = await importFrom(root);
    assert.deepEqual([summary.code, summary.added], [0, 1], summary.stderr);
    await bus.caughtUp(summary.headAfter);
    assert.equal((await bus.collection("dashboards").get("import-large"))?.doc.data, "ü".repeat(3 << 19));

    writeFileSync(join(root, "large.json"), JSON.stringify({ id: "import-large", name: "Large", data: "ä".repeat(3 << 19) }));
    const again = await importFrom(root);
    assert.deepEqual([again.code, again.changed], [0, 1], again.stderr);
  });

  test("an import can keep its replica for the next one", async (t) => {
    const root = folder(t, { "kept.json": { id: "import-kept", name: "Kept", data: 1 } });
    const replica = join(temporaryFolder(t), "replica");
    assert.equal((await importFrom(root, "--dir", replica)).added, 1);
    assert.ok(existsSync(replica));
    assert.equal((await importFrom(root, "--dir", replica)).unchanged, 1);
  });

  test("real dashboards arrive whole, once", {
    skip: !existsSync(DASHBOARDS) && "they are not beside the repository",
  }, async () => {
    const names = readdirSync(DASHBOARDS).filter((name) => name.endsWith(".json"));
    const first = await importFrom(DASHBOARDS);
    assert.deepEqual([first.code, first.added], [0, names.length], first.stderr);
    const second = await importFrom(DASHBOARDS);
    assert.deepEqual([second.unchanged, second.headAfter], [names.length, first.headAfter]);
    await bus.caughtUp(first.headAfter);
    for (const name of names) {
      const content = JSON.parse(readFileSync(join(DASHBOARDS, name), "utf8")) as { uid: string; title: string };
      const held = await bus.collection("dashboards").get(content.uid);
      assert.deepEqual([held?.doc.name, held?.doc.data], [content.title, content]);
    }
  });

  test("status tells the generation, the head and every webserver", async () => {
    // What the datastore knows of a webserver is what that said at its last check-in.
    const overview = await eventually("it is in step", 120_000, async () => {
      const { code, stdout, stderr } = await frontsync("status", "--datastore", datastore.address, "--json");
      assert.equal(code, 0, stderr);
      const found = JSON.parse(stdout) as Overview;
      return found.peers[0]?.state === "synced" && found;
    });
    assert.equal(overview.generation, datastore.generation);
    assert.equal(typeof overview.head, "number");
    const [peer, ...others] = overview.peers;
    assert.deepEqual(others, [], "an observer is nobody's peer");
    assert.deepEqual([peer?.webserver, peer?.externalAddr, peer?.state], ["web1", "web1.test.invalid", "synced"]);
    assert.ok(Number(peer?.lag) >= 0 && Number(peer?.seenMsAgo) < 120_000);

    const people = await frontsync("status", "--datastore", datastore.address);
    assert.match(people.stdout, new RegExp(`^generation +${datastore.generation}$`, "m"));
    assert.match(people.stdout, /^web1 +synced /m);
  });
});

describe("without a datastore", () => {
  test("status fails and says so", async () => {
    const { code, stdout, stderr } = await frontsync("status", "--datastore", NOBODY, "--json");
    assert.equal(code, 1);
    assert.match(stderr, /^frontsync: DATASTORE_UNREACHABLE: /m);
    assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, "DATASTORE_UNREACHABLE");
  });

  test("an import fails, and writes nothing", async (t) => {
    const { code, stderr } = await frontsync("import", "dashboards", temporaryFolder(t), "--datastore", NOBODY);
    assert.equal(code, 1);
    assert.match(stderr, /^frontsync: DATASTORE_UNREACHABLE: /m);
  });
});
