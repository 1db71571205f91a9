// Goal: conflict copies are bounded, and what loses is never gone unseen: with no room left a refused edit is told to who made it, and nothing is
// overwritten. Method: a store with some copies and a small limit; the code that keeps copies, with no room.
import assert from "node:assert/strict";
import { it } from "node:test";
import type { Bus } from "../bus/index.ts";
import { ConflictCopies } from "../functions/commit/conflict-copies.ts";
import { CopyRoom } from "../functions/commit/copy-room.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { loadSchemas } from "../schemas/index.ts";
import { deploy } from "./support/deployment.ts";
import { connectFunctions } from "./support/faults-ledger.ts";

it("copies are counted by number and size, without those that were discarded", async () => {
  await using deployment = await deploy({ webservers: 1 });
  const [bus] = deployment.buses as [Bus];
  const conflicts = bus.collection("conflicts");
  const copy = (id: string) =>
    conflicts.put({
      id,
      collection: "dashboards",
      docId: "d",
      losing: { text: "x".repeat(1000) },
      base: 1,
      winner: 2,
      by: 0,
      at: "2026-01-01T00:00:00Z",
    });
  for (const id of ["a", "b", "c"]) await copy(id);
  await bus.conflicts.discard("c");
  const connection = await connectFunctions(deployment);
  try {
    const roomFor = (copies: number, bytes: number) => new CopyRoom(connection, { copies, bytes });
    assert.equal(await roomFor(3, 1e6).full(), undefined);
    assert.match((await roomFor(2, 1e6).full()) ?? "", /^2 conflict copies .*Resolve or discard/);
    assert.match((await roomFor(100, 2000).full()) ?? "", /^2 conflict copies/);
    assert.equal(await roomFor(100, 4000).full(), undefined);
    const room = roomFor(3, 1e6);
    assert.deepEqual(await room.warning(), []);
    room.kept(10);
    assert.deepEqual(
      (await room.warning()).map(({ code }) => code),
      ["CONFLICTS_FULL"],
    );
  } finally {
    await connection.close();
  }
});

it("with no room a refusal is the refusal, and nothing is overwritten", async () => {
  const schemas = loadSchemas();
  const room = { full: async () => "no room", kept: () => assert.fail("nothing is kept") };
  const copies = new ConflictCopies({} as never, schemas.collection("conflicts"), room);
  const store = async () => assert.fail("nothing is stored");
  const schema = schemas.collection("dashboards");
  const edit = {
    id: "d",
    what: { op: "put" as const, doc: { id: "d", name: "mine" } },
    mutation: "m",
    by: 0,
    webserver: "web1",
    base: 1,
  };
  const current = { op: "put" as const, id: "d", revision: 2, doc: { id: "d", name: "theirs" }, by: 0, at: "" };
  const refusal = new FrontsyncError("REVISION_CONFLICT", "no", { current });
  await assert.rejects(
    copies.refusing(schema, edit, store, () => Promise.reject(refusal)),
    refusal,
  );
  const body = (name: string) => Buffer.from(JSON.stringify({ id: "d", name }));
  const overwrites = { revision: 2, deleted: false, envelope: undefined, body: body("theirs") };
  const decision = { kind: "write" as const, expected: 2, deleted: false, body: body("mine"), envelope: {} as never, overwrites };
  const write = async () => assert.fail("nothing is overwritten");
  await assert.rejects(copies.overwriting(schema, edit, store, decision, write), { code: "DISK_FULL", message: "no room" });
});
