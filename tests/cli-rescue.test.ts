// Goal: a user whom nobody can let in gets in again, from the command line at the datastore.
// Method: a real datastore; users are locked by an admin and by failed logins; the built command; then they log in, or not.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Bus } from "../bus/index.ts";
import { frontsync } from "./support/command.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { makeUser } from "./support/people.ts";

describe("with a datastore", () => {
  let deployment: Deployment;
  let bus: Bus;
  let user: string;
  let uid: number;
  let made = 0;

  before(async () => {
    deployment = await deploy({ webservers: 1, sync: "default" });
    bus = deployment.buses[0] as Bus;
  });
  after(() => deployment?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    user = `Bob${++made}`;
    uid = await makeUser(bus, { user });
    await bus.call("users.setPassword", { uid, password: "right" });
  });

  const rescue = (...args: string[]) => frontsync("rescue", ...args, "--datastore", deployment.datastore.address);
  const login = (password = "right") => bus.call("users.login", { user, password, lockAfter: 2 });
  const failTwice = async () => {
    for (let n = 0; n < 2; n++) await assert.rejects(login("wrong"), { code: "LOGIN_FAILED" });
    await assert.rejects(login(), { code: "USER_LOCKED" });
  };

  test("unlock ends an admin's lock and that of failed logins", async () => {
    await failTwice();
    await bus.call("users.setLocked", { uid, locked: true });
    const { code, stdout, stderr } = await rescue("unlock", user.toLowerCase());
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, new RegExp(`^'${user}' \\(uid ${uid}\\) is unlocked`));
    assert.equal((await login()).uid, uid);
  });

  test("clear-failures ends the lock of failed logins, and not an admin's", async () => {
    assert.equal((await rescue("clear-failures", user)).code, 0, "nothing to forget is no fault");
    await failTwice();
    assert.equal((await rescue("clear-failures", user)).code, 0);
    assert.equal((await login()).uid, uid);
    await bus.call("users.setLocked", { uid, locked: true });
    const { stdout } = await rescue("clear-failures", user);
    assert.match(stdout, new RegExp(`frontsync rescue unlock ${user}`));
    await assert.rejects(login(), { code: "USER_LOCKED" });
  });

  test("set-password takes it from a file, and tells that a lock stays", async () => {
    const file = join(deployment.dir, "password");
    writeFileSync(file, "another one\n");
    const set = await rescue("set-password", user, "--password-file", file, "--json");
    assert.equal(set.code, 0, set.stderr);
    assert.deepEqual(JSON.parse(set.stdout), { ok: true, what: "set-password", uid, user });
    await assert.rejects(login(), { code: "LOGIN_FAILED" });
    assert.equal((await login("another one")).uid, uid);
    await bus.call("users.setLocked", { uid, locked: true });
    assert.match((await rescue("set-password", user, "--password-file", file)).stdout, /still locked: frontsync rescue unlock/);
  });

  test("it says what is missing", async () => {
    const nobody = await rescue("unlock", "nobody");
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /^frontsync: UNKNOWN_USER: There is no user called 'nobody'/);
    const unasked = await rescue("set-password", user);
    assert.equal(unasked.code, 1);
    assert.match(unasked.stderr, /^frontsync: BAD_CONFIG: There is no terminal .*--password-file/);
    assert.equal((await rescue("set-password", user, "--password", "secret")).code, 2, "never on the command line");
  });

  test("it helps in the folder of a stopped datastore, and not in that of one that runs", async () => {
    await failTwice();
    await bus.call("users.setLocked", { uid, locked: true });
    const { datastore, dir } = deployment;
    const inFolder = (folder: string) => frontsync("rescue", "unlock", user, "--dir", join(dir, folder));
    const running = await inFolder("datastore");
    assert.deepEqual([running.code, running.stdout], [1, ""]);
    assert.match(running.stderr, /^frontsync: DIR_IN_USE: A datastore runs in .*--datastore/);
    await deployment.stopDatastore();
    const stopped = await frontsync("rescue", "unlock", user, "--datastore", datastore.address);
    assert.match(stopped.stderr, /^frontsync: DATASTORE_UNREACHABLE: No datastore answers at .*--dir/);
    assert.match((await inFolder("nowhere")).stderr, /^frontsync: NOT_FOUND: There is no datastore in /);
    const { code, stdout, stderr } = await inFolder("datastore");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /is unlocked/);
    await deployment.restartDatastore();
    await bus.caughtUp(null, { timeoutMs: 60_000 });
    assert.equal((await login()).uid, uid);
  });
});

test("what root does in the folder of a stopped datastore leaves its files to the user who runs that", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("only root can give files away");
  await using deployment = await deploy({ sync: "default" });
  const dir = join(deployment.dir, "datastore");
  await deployment.stopDatastore();
  execFileSync("chown", ["-R", "65534:65534", dir]);
  assert.equal((await frontsync("rescue", "unlock", "admin", "--dir", dir)).code, 0);
  assert.deepEqual(
    execFileSync("find", [dir, "-not", "-user", "65534", "-or", "-not", "-group", "65534"], { encoding: "utf8" }),
    "",
  );
});
