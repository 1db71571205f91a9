// Goal: `frontsync datastore` serves whoever has the secret, and ends cleanly.
// Method: the built command runs as an operator runs it; `status` and `import` are its clients.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connectBus } from "../bus/index.ts";
import { eventually, processes, temporaryFolder } from "./support/nats-server-kit.ts";
import { Gate } from "./support/offline.ts";
import { running, runningDatastore } from "./support/running.ts";

const COMMAND = fileURLToPath(new URL("../scripts/frontsync.js", import.meta.url));
const SECRET = "only the two of us know";
const FILES = 2000;

const frontsync = (t: TestContext, args: readonly string[], secret: string | undefined) =>
  running(t, args, { FRONTSYNC_CONTROL_AUTH: secret });

const datastore = (t: TestContext, secret: string | undefined) =>
  runningDatastore(t, ["--port", "0", "--handlers", "2", "--dir", join(temporaryFolder(t), "data")], {
    FRONTSYNC_CONTROL_AUTH: secret,
  });

async function status(address: string, ...flags: string[]): Promise<{ code: number | string; stdout: string }> {
  const env = { ...process.env, FRONTSYNC_CONTROL_AUTH: "" };
  const ended = promisify(execFile)(process.execPath, [COMMAND, "status", "--json", "--datastore", address, ...flags], { env });
  return ended.then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: { code: number; stdout: string }) => error,
  );
}

test("a datastore lets in who has its secret, and nobody else", async (t) => {
  const { child, address, pids, ended, lines } = await datastore(t, SECRET);
  assert.equal(pids.handlers.length, 2);

  const file = join(temporaryFolder(t), "secret");
  writeFileSync(file, `${SECRET}\n`);
  assert.equal((await status(address, "--control-auth-file", file)).code, 0);
  const refused = await status(address);
  assert.equal(refused.code, 1);
  assert.equal((JSON.parse(refused.stdout) as { error: { code: string } }).error.code, "AUTH_REFUSED");

  child.kill("SIGTERM");
  assert.equal(await ended, 0);
  assert.deepEqual(lines().at(-1), { event: "stopped" });
  const all = [pids.natsServer, ...pids.handlers];
  await eventually("no process is left", 60_000, () => !processes().some(({ pid }) => all.includes(pid)));
});

test("an import that is interrupted says how far it came, and the next one does the rest", async (t) => {
  const { address } = await datastore(t, undefined);
  const folder = join(temporaryFolder(t), "dashboards");
  mkdirSync(folder);
  for (let n = 0; n < FILES; n++) writeFileSync(join(folder, `${n}.json`), `{"name":"Number ${n}"}`);
  const bus = await connectBus({ datastore: address, webserver: "web1", dir: join(temporaryFolder(t), "web1") });
  t.after(() => bus.close());
  await bus.caughtUp(null, { timeoutMs: 60_000 });

  const changes = bus.collection("dashboards").changes();
  // By way of this process: should it stand still, the import does not run on to its end meanwhile.
  await using gate = await Gate.to(address);
  const interrupted = frontsync(t, ["import", "dashboards", folder, "--datastore", gate.address], undefined);
  await changes.next();
  interrupted.child.kill("SIGINT");
  assert.equal(await interrupted.ended, 130);
  const [summary] = interrupted.lines() as [{ ok: boolean; complete: boolean; added: number; failed: number }];
  assert.deepEqual([summary.ok, summary.complete, summary.failed], [false, false, 0]);
  assert.ok(summary.added > 0 && summary.added < FILES);

  const rest = frontsync(t, ["import", "dashboards", folder, "--datastore", address], undefined);
  assert.equal(await rest.ended, 0);
  const [{ added, unchanged }] = rest.lines() as [{ added: number; unchanged: number }];
  assert.deepEqual([added, unchanged], [FILES - summary.added, summary.added]);
});
