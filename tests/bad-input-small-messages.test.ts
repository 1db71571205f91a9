// Goal: on a NATS of somebody else's, whose messages end at 1 MB, everything that is stored reaches every webserver, and what can't is refused
// with the limit. Method: a plain nats-server with its default max_payload; documents at the limit, more of them than one message holds.
import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { connectBus, type FrontsyncError } from "../bus/index.ts";
import { startDatastore } from "../functions/datastore.ts";
import { findNatsServer, launchNatsServer } from "../functions/nats-server/index.ts";
import { patient } from "./support/deployment.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const MB = 1024 * 1024;

it("stores nothing that it could not deliver, and delivers what it has stored", async (t) => {
  const dir = temporaryFolder(t);
  const { path: binary } = await findNatsServer();
  const config = `host: "127.0.0.1"\nport: -1\njetstream { store_dir: "${join(dir, "js")}" }\n`;
  await using server = await launchNatsServer({ binary, config, dir: join(dir, "nats") });
  const nats = `127.0.0.1:${server.port}`;
  await using _datastore = await startDatastore({ dir: join(dir, "datastore"), nats });
  await using bus = await connectBus({ datastore: nats, webserver: "web1", dir: join(dir, "web1") });
  await patient(bus).caughtUp();
  const dashboards = bus.collection("dashboards");

  let limit = 0;
  await assert.rejects(dashboards.put({ id: "large", name: "n", data: "x".repeat(MB - 1000) }), (error: FrontsyncError) => {
    limit = error.limit ?? 0;
    return error.code === "TOO_LARGE" && limit > 0.9 * MB && limit < MB;
  });
  await assert.rejects(dashboards.put({ id: "large", name: "n", data: "x".repeat(2 * MB) }), { code: "TOO_LARGE", limit: MB });
  const ids = ["a", "b", "c", "d"];
  for (const id of ids) await dashboards.put({ id, name: "n", data: id.repeat(limit - 200) });
  await dashboards.putMany(Array.from({ length: 2000 }, (_one, n) => ({ id: `small${n}`, name: "n", data: "x".repeat(500) })));

  await using fresh = await connectBus({ datastore: nats, webserver: "web2", dir: join(dir, "web2") });
  await patient(fresh).caughtUp();
  assert.deepEqual((await fresh.digests()).digests, (await bus.digests()).digests);
  for (const character of ["e", "語"]) {
    const data = character.repeat(Math.floor((limit - 200) / Buffer.byteLength(character)));
    await fresh.collection("dashboards").put({ id: "a", name: "n", data });
    await fresh.collection("dashboards").patch("a", { data: `${data.slice(1)}.` });
    assert.ok(String((await fresh.collection("dashboards").get("a"))?.doc.data).endsWith(`${character}.`));
  }
});
