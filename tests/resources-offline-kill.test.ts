// Goal: an upload that waits without a datastore survives kill -9 and restarts, also one in the middle of its replay; a file that was damaged meanwhile is
// noticed, and never served. Method: a webserver in a process of its own is killed while it uploads, and while what it had goes up.
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type Bus, connectBus } from "../bus/index.ts";
import { content, digest, sha256Of } from "./support/contents.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { storedVersions } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";
import type { ResourcesOrder, ResourcesReport } from "./support/resources-webserver.ts";

const PROGRAM = fileURLToPath(new URL("support/resources-webserver.js", import.meta.url));
const WAIT_MS = 60_000;
const LARGE = 24 * 1024 * 1024;
const LIVES = 3;

type Uploaded = Extract<ResourcesReport, { uploaded: string }>;

/** One life of a webserver, until `enough` says so of its last report. Returns what it had acknowledged. */
async function live(
  t: TestContext,
  deployment: Deployment,
  order: Partial<ResourcesOrder>,
  enough: (report: ResourcesReport, uploads: number) => boolean,
): Promise<Uploaded[]> {
  const child = fork(PROGRAM, [], { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  t.after(() => child.kill("SIGKILL"));
  const uploads: Uploaded[] = [];
  child.on("message", (report: ResourcesReport) => {
    assert.ok(!("failed" in report), JSON.stringify(report));
    if ("uploaded" in report) uploads.push(report);
    if (enough(report, uploads.length)) child.kill("SIGKILL");
  });
  const ended = Promise.all([once(child, "exit"), once(child, "disconnect")]);
  const { address } = deployment.datastore;
  child.send({ datastore: address, webserver: "web1", dir: join(deployment.dir, "web1"), ...order } satisfies ResourcesOrder);
  const [[, signal]] = await ended;
  assert.equal(signal, "SIGKILL");
  return uploads;
}

it("kill -9 of a webserver whose uploads wait, and again while they go up", { timeout: 900_000 }, async (t) => {
  await using deployment = await deploy({ webservers: 0 });
  const dir = join(deployment.dir, "web1");
  const options = { datastore: deployment.datastore.address, webserver: "web1", dir, updateInterval: 0.5 };
  await deployment.stopDatastore();
  const acknowledged: Uploaded[] = [];
  for (let n = 0; n < LIVES; n++) {
    // The last one of each life is killed while it is being read, or written.
    const order = { offline: `life${n}`, upload: [300_000, 5000 + n, n === 0 ? LARGE : 400_000, LARGE + n + 1] };
    acknowledged.push(...(await live(t, deployment, order, (_report, uploads) => uploads === 3)));
  }
  assert.ok(acknowledged.length >= LIVES * 3 && acknowledged.every(({ revision }) => revision === null));
  {
    await using bus = await connectBus(options);
    assert.deepEqual(readdirSync(join(dir, "resources", "spool")), [], "what was not acknowledged is gone");
    const waiting = (await bus.outbox.list()).map(({ id }) => id);
    for (const { uploaded: id, sha256 } of acknowledged) {
      assert.ok(waiting.includes(id), id);
      assert.equal((await digest(await bus.resources.open(id))).sha256, sha256, id);
    }
  }
  await deployment.restartDatastore();
  const half = (report: ResourcesReport) => "done" in report && report.direction === "up" && report.done >= LARGE / 2;
  await live(t, deployment, { offline: "again" }, half);

  await using other = await connectBus({ ...options, webserver: "web2", dir: join(deployment.dir, "web2") });
  await using bus = await connectBus(options);
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  assert.deepEqual([await bus.outbox.list(), await bus.deadLetters.list()], [[], []]);
  await other.caughtUp(bus.status().head, { timeoutMs: WAIT_MS });
  for (const { uploaded: id, sha256 } of acknowledged) {
    assert.equal((await digest(await other.resources.open(id))).sha256, sha256, id);
    assert.equal((await other.collection("resources").get(id))?.doc.version, 1);
  }
  const counts = new Map<string, number>();
  for (const { envelope } of await storedVersions(deployment))
    if (envelope) counts.set(envelope.version, (counts.get(envelope.version) ?? 0) + 1);
  for (const { mutationId } of acknowledged) assert.equal(counts.get(mutationId), 1, `${mutationId} has one effect`);
});

it("a file that was damaged while nobody looked is noticed, and never served", { timeout: 900_000 }, async () => {
  await using deployment = await deploy({ webservers: 1 });
  const [other] = deployment.buses as [Bus];
  const dir = join(deployment.dir, "web2");
  const options = { datastore: deployment.datastore.address, webserver: "web2", dir, updateInterval: 0.5 };
  const sizes = { stored: 300_000, lost: 300_001, there: 300_002 };
  const file = (size: number) => join(dir, "resources", sha256Of(size, size));
  const upload = async (bus: Bus, id: keyof typeof sizes) => {
    return await bus.resources.upload(content(sizes[id], sizes[id]), { name: id }, { id });
  };
  {
    await using bus = await connectBus(options);
    await bus.caughtUp(null, { timeoutMs: WAIT_MS });
    await upload(bus, "stored");
    await bus.caughtUp(null, { timeoutMs: WAIT_MS });
    await upload(other, "there").then(() => other.collection("resources").delete("there"));
    await deployment.stopDatastore();
    await eventually("it is degraded", WAIT_MS, () => bus.status().state === "degraded");
    for (const id of ["lost", "there"] as const) assert.equal((await upload(bus, id)).revision, null);
  }
  for (const size of Object.values(sizes)) writeFileSync(file(size), Buffer.alloc(size));
  await using bus = await connectBus(options);
  for (const id of Object.keys(sizes)) {
    await assert.rejects(bus.resources.open(id), { code: "DATASTORE_UNREACHABLE" });
    assert.equal(await bus.resources.local(id), undefined);
  }
  await deployment.restartDatastore();
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  await eventually("it comes again by itself", WAIT_MS, () => bus.resources.local("stored"));
  for (const id of ["stored", "there"] as const)
    assert.equal((await digest(await bus.resources.open(id))).sha256, sha256Of(sizes[id], sizes[id]), id);
  const [letter, ...more] = await bus.deadLetters.list();
  assert.deepEqual([letter?.id, letter?.code, more], ["lost", "CONTENT_MISMATCH", []]);
  await assert.rejects(bus.deadLetters.content(letter?.mutationId ?? ""), { code: "CONTENT_MISSING" });
  const set = readdirSync(join(dir, "resources")).filter((name) => name.endsWith(".damaged"));
  assert.ok(set.includes(`${sha256Of(sizes.lost, sizes.lost)}.damaged`), "who knows what can be made of it");

  // While it runs: a file that has become shorter, and one that is gone.
  const { revision } = await upload(other, "lost");
  await bus.caughtUp(revision, { timeoutMs: WAIT_MS });
  for (const harm of [
    () => writeFileSync(file(sizes.stored), "short"),
    () => writeFileSync(file(sizes.stored), Buffer.alloc(999_999)),
  ]) {
    harm();
    assert.equal((await digest(await bus.resources.open("stored"))).sha256, sha256Of(sizes.stored, sizes.stored));
  }
});
