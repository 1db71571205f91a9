// Goal: who runs a webserver sees from the command line what it has not sent and what was refused, and retries or discards that. Method: a webserver
// whose edit loses while it has no contact; the command beside it while it runs, and on its folder when it is stopped.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { controlSocket } from "../bus/control.ts";
import { type Bus, connectBus } from "../bus/index.ts";
import { Outbox } from "../bus/outbox/outbox.ts";
import type { Kept } from "../bus/outbox/request.ts";
import { loadSchemas } from "../schemas/index.ts";
import { frontsync } from "./support/command.ts";
import { deploy } from "./support/deployment.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";
import { allCaughtUp, Gate, offline } from "./support/offline.ts";

const WAIT_MS = 60_000;
const linesOf = (text: string) =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("what waits and what was refused is listed, exported, retried and discarded", async () => {
  await using deployment = await deploy({ webservers: 1 });
  const [other] = deployment.buses as [Bus];
  await using gate = await Gate.to(deployment.datastore.address);
  const dir = join(deployment.dir, "web2");
  const options = { datastore: gate.address, webserver: "web2", dir, updateInterval: 0.5 };
  const bus = await connectBus(options);
  const outbox = (what: string, ...args: string[]) => frontsync("outbox", what, dir, ...args);
  const ids = ["a", "b", "c"];
  try {
    for (const id of ids) await other.collection("dashboards").put({ id, name: "base" });
    await allCaughtUp([other, bus]);
    await offline(bus, gate, async () => {
      for (const id of ids) await bus.collection("dashboards").patch(id, { name: "mine" });
      for (const id of ids) await other.collection("dashboards").patch(id, { name: "theirs" });
      const waiting = await outbox("ls");
      assert.match(
        waiting.stdout,
        /^3 writes wait for the datastore\.\n(.* patch dashboards\/[abc]\n){3}0 writes were refused\.\n$/,
      );
      assert.deepEqual([waiting.code, waiting.stderr], [0, ""]);
    });
    await bus.caughtUp(null, { timeoutMs: WAIT_MS });
    // They were refused in any order.
    const letters = new Map((await bus.deadLetters.list()).map(({ id, mutationId }) => [id, mutationId]));
    const [first, second, third] = ids.map((id) => letters.get(id));
    assert.ok(first && second && third);

    assert.match((await outbox("ls")).stdout, /^0 writes wait.*\n3 writes were refused:\n(.*\n {4}REVISION_CONFLICT: .*\n){3}$/);
    const byId = (lines: Record<string, unknown>[]) => lines.sort((one, other) => String(one.id).localeCompare(String(other.id)));
    const listed = byId(linesOf((await outbox("ls", "--json")).stdout));
    assert.deepEqual(
      listed.map(({ kind, mutationId, id, code, body }) => [kind, mutationId, id, code, body]),
      [first, second, third].map((mutation, at) => ["dead", mutation, ids[at], "REVISION_CONFLICT", undefined]),
    );
    const exported = byId(linesOf((await outbox("export")).stdout));
    assert.deepEqual(
      exported.map(({ kind, id, op, body }) => [kind, id, op, body]),
      ids.map((id) => ["dead", id, "patch", { name: "mine" }]),
    );
    assert.equal(bus.status().deadLetters, 3);
    await bus.close();

    const file = join(deployment.dir, "refused.jsonl");
    assert.match((await outbox("export", "--output", file)).stdout, /^3 writes are in /);
    assert.deepEqual(byId(linesOf(readFileSync(file, "utf8"))), exported);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const missing = await outbox("discard", first, "no such");
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /^frontsync: NOT_FOUND: There is no dead letter "no such"; nothing was changed/);
    assert.match((await outbox("retry")).stderr, /^frontsync: BAD_CONFIG: .*--all/);
    assert.deepEqual(linesOf((await outbox("discard", first, "--json")).stdout), [{ ok: true, discarded: 1, left: 2 }]);
    assert.match((await outbox("retry", second)).stdout, /^1 write waits again; the webserver sends it when it starts\.\n$/);
    const left = linesOf((await outbox("export", "--waiting", "--json")).stdout);
    assert.deepEqual(
      left.map(({ kind, id }) => [kind, id]),
      [
        ["dead", "c"],
        ["waiting", "b"],
      ],
    );

    await using again = await connectBus(options);
    await again.caughtUp(null, { timeoutMs: WAIT_MS });
    const names = await Promise.all(ids.map(async (id) => (await again.collection("dashboards").get(id))?.doc.name));
    assert.deepEqual(names, ["theirs", "mine", "theirs"]);
    assert.deepEqual(
      (await again.deadLetters.list()).map(({ mutationId }) => mutationId),
      [third],
    );
  } finally {
    await bus.close();
  }
});

/** A folder in which these were refused. */
async function folderWith(dir: string, refused: readonly { id: string; collection?: string }[]): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const outbox = Outbox.open(dir, loadSchemas());
  for (const [n, { id, collection = "dashboards" }] of refused.entries()) {
    const common = { collection, id, by: 0, at: "2026-01-01T00:00:00.000Z" };
    const kept: Kept = { kind: "wait", mutation: `web1.before.${n}`, op: "put", body: { id, name: id }, ...common };
    await outbox.keep(kept);
    await outbox.dead(kept, "NOT_ALLOWED", "no");
  }
  await outbox.close();
}

test("a webserver that runs is asked: it sends at once what is retried, says what is refused again, and keeps that", async () => {
  await using deployment = await deploy();
  const dir = join(deployment.dir, "web1");
  await folderWith(dir, [{ id: "a" }, { id: "b" }, { id: "c" }, { id: "x", collection: "unheardof" }]);
  await using bus = await connectBus({ datastore: deployment.datastore.address, webserver: "web1", dir });
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  const outbox = async (what: string, ...args: string[]) => await frontsync("outbox", what, dir, ...args);

  const none = await outbox("discard", "web1.before.0", "no such");
  assert.equal(none.code, 1);
  assert.match(none.stderr, /^frontsync: NOT_FOUND: There is no dead letter "no such"; nothing was changed/);
  assert.equal(bus.status().deadLetters, 4);
  assert.equal((await outbox("discard", "web1.before.0")).stdout, "1 write is given up.\n");

  const { code, stdout, stderr } = await outbox("retry", "--all", "--json");
  assert.equal(code, 1);
  const [refused, sum] = linesOf(stdout);
  assert.deepEqual([refused?.kind, refused?.mutationId, refused?.code], ["refused", "web1.before.3", "UNKNOWN_COLLECTION"]);
  assert.deepEqual(sum, { ok: false, retried: 2, waiting: 0, refused: 1, left: 1 });
  assert.match(stderr, /^web1\.before\.3 {2}unheardof\/x: UNKNOWN_COLLECTION: .*\n1 write was refused again/);
  const there = await Promise.all(["a", "b", "c"].map(async (id) => (await bus.collection("dashboards").get(id))?.doc.name));
  assert.deepEqual(there, [undefined, "b", "c"]);
  assert.deepEqual(
    (await bus.deadLetters.list()).map(({ mutationId, code }) => [mutationId, code]),
    [["web1.before.3", "NOT_ALLOWED"]],
  );
  const discarded = await outbox("discard", "--all", "--json");
  assert.deepEqual([discarded.code, linesOf(discarded.stdout)], [0, [{ ok: true, discarded: 1, refused: 0, left: 0 }]]);
});

test("a webserver without contact is asked too; only its own user may; what a crash left there is no hindrance", async (t) => {
  const parent = temporaryFolder(t);
  const dir = join(parent, "web1");
  await folderWith(dir, [{ id: "a" }, { id: "b" }]);
  mkdirSync(join(dir, "control"));
  writeFileSync(controlSocket(dir), "left by a crash");
  const options = { datastore: "127.0.0.1:1", webserver: "web1", dir };
  const bus = await connectBus(options);
  try {
    assert.equal(statSync(join(dir, "control")).mode & 0o777, 0o700);
    if (process.getuid?.() === 0) {
      for (const folder of [parent, dir]) chmodSync(folder, 0o777);
      const knock = `require("net").connect(${JSON.stringify(controlSocket(dir))}).on("error", (e) => console.log(e.code)).on("connect", () => process.exit(1))`;
      const other = spawnSync(process.execPath, ["-e", knock], { uid: 65534, gid: 65534, cwd: "/", encoding: "utf8" });
      assert.equal(other.stdout.trim(), "EACCES", other.stderr);
    }
    const { stdout, code } = await frontsync("outbox", "retry", dir, "web1.before.1");
    assert.deepEqual([code, stdout], [0, "0 writes are stored by the datastore.\n1 write waits until the datastore answers.\n"]);
    assert.deepEqual([bus.status().deadLetters, bus.status().pending], [1, 1]);

    // What is no wish is refused, and does no harm.
    for (const [body, code] of [
      ["{", "BAD_MESSAGE"],
      ['{"do":"burn","mutations":"all"}', "BAD_MESSAGE"],
      ['{"do":"discard","mutations":[]}', "BAD_MESSAGE"],
    ] as const)
      assert.equal((await posted(dir, body))[0]?.code, code, body);
    // The connection may end before the answer is read.
    const large = await posted(dir, "x".repeat(5 * 1024 * 1024)).catch(() => []);
    assert.ok(large.every(({ code }) => code === "TOO_LARGE"));
    assert.equal(bus.status().deadLetters, 1);

    rmSync(controlSocket(dir));
    const unheard = await frontsync("outbox", "discard", dir, "--all");
    assert.equal(unheard.code, 1);
    assert.match(
      unheard.stderr,
      /^frontsync: DIR_IN_USE: .*can't be asked to discard.*as the user who runs the webserver.*stop it/,
    );
  } finally {
    await bus.close();
  }
  const stopped = await frontsync("outbox", "discard", dir, "--all", "--json");
  assert.deepEqual(linesOf(stopped.stdout), [{ ok: true, discarded: 1, left: 0 }]);
});

function posted(dir: string, body: string): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: controlSocket(dir), method: "POST", path: "/" }, (response) => {
      let text = "";
      response
        .setEncoding("utf8")
        .on("data", (chunk: string) => {
          text += chunk;
        })
        .on("error", reject)
        .on("end", () => resolve(linesOf(text)));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

test("a folder that is no webserver's is refused, and not made", async (t) => {
  const dir = temporaryFolder(t);
  mkdirSync(join(dir, "empty"));
  for (const folder of ["empty", "missing"]) {
    const { code, stderr } = await frontsync("outbox", ...(folder === "empty" ? ["ls"] : ["retry", "--all"]), join(dir, folder));
    assert.equal(code, 1);
    assert.match(stderr, /^frontsync: NOT_FOUND: .*Give the folder of a webserver/);
  }
  assert.throws(() => statSync(join(dir, "missing")));
});
