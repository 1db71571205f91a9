// Goal: with a cluster of NATS servers, and a datastore's handlers at each of them, a webserver stays at its store whichever handler answers. Method: two
// real nats-servers that know each other, one after the other gets a datastore, and a webserver notes its states.
import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { connectBus } from "../bus/index.ts";
import { startDatastore } from "../functions/datastore.ts";
import { findNatsServer, launchNatsServer } from "../functions/nats-server/index.ts";
import { eventually, freePort, temporaryFolder } from "./support/nats-server-kit.ts";

const WAIT_MS = 120_000;
const CHECK_INS = 30;

it("a webserver is not held by a handler that is connected to another server than the one which wrote last", async (t) => {
  const dir = temporaryFolder(t);
  const { path: binary } = await findNatsServer();
  const routes = [await freePort(), await freePort()];
  const launched = routes.map((route, n) => {
    const store = JSON.stringify(join(dir, `store${n}`));
    const others = `cluster { name: test, listen: "127.0.0.1:${route}", routes: ["nats://127.0.0.1:${routes[1 - n]}"] }`;
    const config = `server_name: n${n}\nhost: "127.0.0.1"\nport: -1\nmax_payload: 8MB\njetstream { store_dir: ${store} }\n${others}\n`;
    return launchNatsServer({ binary, dir: join(dir, `nats${n}`), config });
  });
  const [a, b] = await Promise.all(launched);
  t.after(() => Promise.all([a?.stop(), b?.stop()]));
  const datastore = async (name: string, port: number | undefined) => {
    const options = { dir: join(dir, name), nats: `127.0.0.1:${port}`, deletionFuse: false } as const;
    return await startDatastore(options);
  };
  await using _first = await datastore("first", a?.port);
  const here = { datastore: `127.0.0.1:${a?.port}`, dir: join(dir, "web1"), updateInterval: 0.1 };
  await using bus = await connectBus({ ...here, webserver: "web1" });
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  const states = new Set<string>();
  bus.onStatus(({ state }) => states.add(state));
  await using _second = await datastore("second", b?.port);
  const { checkIns } = bus.status().counters;
  await eventually("both handlers were asked", WAIT_MS, async () => {
    await bus.collection("dashboards").put({ id: "d", name: "d" }, { timeoutMs: WAIT_MS });
    return bus.status().counters.checkIns > checkIns + CHECK_INS;
  });
  assert.ok(!states.has("held"), [...states].join());
});
