// Goal: a folder has one process, whoever else comes at the same moment, whatever a crash has left there, and wherever the holder runs. Method:
// processes that race for folders; locks as a crash leaves them, and as another container makes them.
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { connectBus } from "../bus/index.ts";
import { lockDir } from "../bus/platform/dir-lock.ts";
import type { Taken } from "./support/folder-locker.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const PROGRAM = fileURLToPath(new URL("support/folder-locker.js", import.meta.url));
const RACERS = 4;
const ROUNDS = 100;
/** No process has this pid. */
const DEAD = JSON.stringify({ pid: 2 ** 30, started: "1" });

it("of processes that come at once one has the folder, also where a crash has left its lock, or a part of one", async (t) => {
  const dir = temporaryFolder(t);
  const racers = Array.from({ length: RACERS }, () => fork(PROGRAM, [], { execArgv: [] }));
  t.after(() => racers.map((racer) => racer.kill("SIGKILL")));
  const take = async (racer: ChildProcess, folder: string) => {
    const answer = once(racer, "message") as Promise<[Taken]>;
    racer.send(folder);
    return (await answer)[0];
  };
  for (const left of [undefined, DEAD, ""]) {
    const many: Taken[][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const folder = join(dir, `${left?.length}-${round}`);
      mkdirSync(folder);
      if (left !== undefined) writeFileSync(join(folder, "lock"), left);
      const all = await Promise.all(racers.map((racer) => take(racer, folder)));
      if (all.filter((one) => "taken" in one && one.taken).length !== 1 || all.some((one) => "failed" in one)) many.push(all);
      assert.deepEqual(readdirSync(folder), ["lock"], "nothing else is left");
    }
    assert.deepEqual(many, [], `a lock that is ${left}: not one of them`);
  }
});

it("a folder of a webserver in another container is in use as long as that one answers", async (t) => {
  const dir = temporaryFolder(t);
  const options = { datastore: "127.0.0.1:1", webserver: "web1", dir };
  const lock = join(dir, "lock");
  const elsewhere = { pid: 2 ** 30, started: "1", space: "another boot pid:[1]", id: "x" };
  await using bus = await connectBus(options);
  const own = readFileSync(lock);
  writeFileSync(lock, JSON.stringify(elsewhere));
  // By another name: else this process would know without a look.
  symlinkSync(dir, join(dir, "too"));
  const inUse = { code: "DIR_IN_USE", message: /process 1073741824 of another container/ };
  await assert.rejects(connectBus({ ...options, dir: join(dir, "too") }), inUse);
  writeFileSync(lock, own);
  await bus.close();
  writeFileSync(lock, JSON.stringify(elsewhere));
  await (await connectBus(options)).close();
  // What was taken meanwhile is not given back.
  const held = lockDir(dir);
  writeFileSync(lock, JSON.stringify(elsewhere));
  held.release();
  assert.deepEqual(JSON.parse(readFileSync(lock, "utf8")), elsewhere);
});
