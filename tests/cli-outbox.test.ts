// Goal: who runs a webserver sees from the command line what it has not sent and what was refused, and retries or discards that. Method: a webserver
// whose edit loses while it has no contact; the built command beside it while it runs, and on its folder when it is stopped.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Bus, connectBus } from "../bus/index.ts";
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

    // The webserver runs: its folder may be looked into, and not changed.
    assert.match((await outbox("ls")).stdout, /^0 writes wait.*\n3 writes were refused:\n(.*\n {4}REVISION_CONFLICT: .*\n){3}$/);
    const byId = (lines: Record<string, unknown>[]) => lines.sort((one, other) => String(one.id).localeCompare(String(other.id)));
    const listed = byId(linesOf((await outbox("ls", "--json")).stdout));
    assert.deepEqual(
      listed.map(({ kind, mutationId, id, code, body }) => [kind, mutationId, id, code, body]),
      [first, second, third].map((mutation, at) => ["dead", mutation, ids[at], "REVISION_CONFLICT", undefined]),
    );
    for (const what of ["retry", "discard"]) {
      const { code, stderr } = await outbox(what, "--all");
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^frontsync: DIR_IN_USE: .*Stop that webserver first, or .*bus\\.deadLetters\\.${what}`));
    }
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

test("a folder that is no webserver's is refused, and not made", async (t) => {
  const dir = temporaryFolder(t);
  mkdirSync(join(dir, "empty"));
  for (const folder of ["empty", "missing"]) {
    const { code, stderr } = await frontsync("outbox", folder === "empty" ? "ls" : "retry", join(dir, folder));
    assert.equal(code, 1);
    assert.match(stderr, /^frontsync: NOT_FOUND: .*Give the folder of a webserver/);
  }
  assert.throws(() => statSync(join(dir, "missing")));
});
