// Goal: a datastore whose disk was full goes on by itself when there is room again, without a restart by hand, and has every write that it
// acknowledged. Method: a datastore on a small file system of its own, which is filled and freed; needs the right to mount.
import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { Volume } from "../bench/faults/cluster/volume.ts";
import { connectBus } from "../bus/index.ts";
import { startDatastore } from "../functions/datastore.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";

it("a datastore goes on when its full disk has room again", { timeout: 900_000 }, async (t) => {
  const dir = temporaryFolder(t);
  const why = Volume.whyNot(dir);
  if (why !== undefined) return t.skip(`no file system can be mounted here: ${why}`);
  const volume = Volume.make(join(dir, "disk"));
  try {
    await using datastore = await startDatastore({ dir: join(volume.folder, "store"), port: 0 });
    const { address } = datastore;
    await using bus = await connectBus({ datastore: address, webserver: "web1", dir: join(dir, "web1"), updateInterval: 0.3 });
    await bus.caughtUp(null, { timeoutMs: 60_000 });
    const dashboards = bus.collection("dashboards");
    await dashboards.put({ id: "before", name: "before" });
    volume.fill();
    let n = 0;
    const write = () =>
      dashboards.put({ id: `during${++n}`, name: "during", data: { text: "x".repeat(2000) } }, { timeoutMs: 1000 });
    await eventually("a write is not acknowledged any more", 60_000, async () => {
      const written = await write().catch(() => undefined);
      return written === undefined || written.revision === null;
    });
    volume.free();
    await eventually("writes are acknowledged again", 60_000, async () => {
      const written = await write().catch(() => undefined);
      return typeof written?.revision === "number";
    });
    await bus.caughtUp(null, { timeoutMs: 60_000 });
    await using fresh = await connectBus({ datastore: address, webserver: "web2", dir: join(dir, "web2"), updateInterval: 0.3 });
    await fresh.caughtUp(null, { timeoutMs: 60_000 });
    const { items } = await fresh.collection("dashboards").list({ limit: 1000 });
    assert.deepEqual(items.map(({ id }) => id).sort(), (await dashboards.list({ limit: 1000 })).items.map(({ id }) => id).sort());
    assert.ok(items.some(({ id }) => id === "before"));
  } finally {
    volume.remove();
  }
});
