// Goal: a handler that has not heard of a seeding's beginning or end (between two servers of a cluster a message may get lost, and nobody says it again) refuses
// nobody for ever, and gives no number that may be somebody's. Method: two handlers' records on one real store, one of which hears nothing.
import assert from "node:assert/strict";
import { it } from "node:test";
import { opened } from "../functions/seed/record.ts";
import { Seeding } from "../functions/seed/seeding.ts";
import { loadSchemas } from "../schemas/index.ts";
import { deploy } from "./support/deployment.ts";
import { connectFunctions } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";

const WAIT_MS = 60_000;

it("a handler that has not heard that a seeding began, or is over, is not in the way of it", async (t) => {
  const schemas = loadSchemas();
  const users = schemas.collection("users");
  await using deployment = await deploy({ sync: "default" });
  const connection = await connectFunctions(deployment);
  t.after(() => connection.close());
  const [deaf, other] = [0, 1].map(() => new Seeding(connection, schemas, new Uint8Array(32), 60_000)) as [Seeding, Seeding];
  const refused = { code: "SEEDING" };
  await deaf.checkOpen(users);
  assert.equal(await deaf.next(users), 0);
  const seed = { id: "s", word: "accept" as const, from: ["g"], next: {} };
  await other.change(() => opened(seed, ["web1"], Date.now()));
  await assert.rejects(deaf.next(users), refused, "it would give a number that may be somebody's");
  await assert.rejects(deaf.checkOpen(users), refused);
  assert.equal((await deaf.warnings()).length, 1);
  await other.change((record) => record && { ...record, open: false, next: { users: 10_008 } });
  assert.equal(await deaf.next(users), 10_008);
  await other.change((record) => record && { ...record, open: true });
  await deaf.record({ certain: true });
  await other.change((record) => record && { ...record, open: false });
  await eventually("it looks again before it refuses anybody", WAIT_MS, () =>
    deaf.checkOpen(users).then(
      () => true,
      () => false,
    ),
  );
  assert.deepEqual(await deaf.warnings(), []);
});
