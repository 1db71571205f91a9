// Goal: users log in on a webserver without contact, as far as it knows them; failures count and lock there as online, also over a restart; when there is
// contact again the datastore is told, and what happened elsewhere meanwhile counts. Method: one webserver behind a gate, one beside it.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Bus, connectBus, type SessionClaims, sessionIsOver } from "../bus/index.ts";
import { LoginLedger } from "../bus/logins/ledger.ts";
import { loadSchemas } from "../schemas/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { allCaughtUp, Gate, offline } from "./support/offline.ts";
import { hashed, plant, QUICK } from "./support/passwords.ts";
import { makeUser } from "./support/people.ts";
import { codeOf, refusal } from "./support/refusals.ts";

const WAIT_MS = 60_000;
const LOCKING = { lockAfter: 3, lockSeconds: 600 };

describe("without contact", () => {
  let deployment: Deployment;
  let gate: Gate;
  /** It has contact all the time. */
  let other: Bus;
  let bus: Bus;
  let made = 0;

  const open = () =>
    connectBus({ datastore: gate.address, webserver: "web2", dir: join(deployment.dir, "web2"), updateInterval: 0.5 });
  before(async () => {
    deployment = await deploy({ webservers: 1, bus: { updateInterval: 0.5 } });
    [other] = deployment.buses as [Bus];
    gate = await Gate.to(deployment.datastore.address);
    bus = await open();
  });
  after(async () => {
    await bus?.close();
    await gate?.[Symbol.asyncDispose]();
    await deployment?.[Symbol.asyncDispose]();
  });

  async function somebody(): Promise<{ uid: number; user: string }> {
    const user = `Alone${++made}`;
    const uid = await makeUser(other, { user });
    await plant(deployment, uid, { password: hashed("right", QUICK) });
    await allCaughtUp([other, bus]);
    return { uid, user };
  }
  const login = (user: string, password: string, settings: object = {}, on = bus) =>
    on.call("users.login", { user, password, ...LOCKING, ...settings }, { timeoutMs: WAIT_MS });
  const outcome = (user: string, password: string, settings?: object, on?: Bus) =>
    login(user, password, settings, on).then(
      () => "in",
      ({ code }: { code: string }) => code,
    );
  async function isOver(session: SessionClaims, on: Bus, webserver: string): Promise<boolean> {
    const user = (await on.collection("users").get(String(session.uid)))?.doc;
    const known = (await on.collection("sessions").get(session.id))?.doc;
    return sessionIsOver(session, user, known, Date.now(), webserver);
  }
  const over = async (session: SessionClaims) => [await isOver(session, other, "web1"), await isOver(session, bus, "web2")];
  const counted = async (uid: number) => (await other.collection("logins").get(String(uid)))?.doc;

  it("who is known logs in, and the session counts there; then it is confirmed, and counts everywhere", async () => {
    const { uid, user } = await somebody();
    const online = await login(user, "right");
    const reply = await offline(bus, gate, async () => {
      const alone = await login(user.toUpperCase(), "right", { sessionSeconds: 1000 });
      assert.deepEqual(await over(alone.session), [true, false]);
      return alone;
    });
    assert.deepEqual(Object.keys(reply), Object.keys(online));
    assert.deepEqual([reply.uid, reply.user, reply.admin, reply.defaultPassword], [uid, user, false, false]);
    assert.deepEqual([reply.session.uid, reply.session.webserver, online.session.webserver], [uid, "web2", undefined]);
    const { issuedAt, expiresAt } = reply.session;
    assert.equal(Date.parse(expiresAt) - Date.parse(issuedAt), 1_000_000);
    await eventually("it is confirmed", WAIT_MS, async () => !(await isOver(reply.session, other, "web1")));
    assert.deepEqual((await counted(uid))?.lastLogin, issuedAt);
    await allCaughtUp([other, bus]);
    assert.deepEqual(await over(reply.session), [false, false]);
  });

  it("nobody else does: a wrong password, a name that nobody has, a locked, a deleted user", async () => {
    const { user } = await somebody();
    const [locked, deleted, none] = [await somebody(), await somebody(), await makeUser(other, { user: "passwordless" })];
    await other.call("users.setLocked", { uid: locked.uid, locked: true });
    await other.collection("users").delete(String(deleted.uid));
    await allCaughtUp([other, bus]);
    await offline(bus, gate, async () => {
      const wrong = await refusal(login(user, "wrong"));
      assert.equal(wrong.code, "LOGIN_FAILED");
      for (const name of ["nobody", deleted.user, "passwordless"])
        assert.deepEqual({ ...(await refusal(login(name, "right"))) }, { ...wrong }, name);
      assert.equal(wrong.message, (await refusal(login("nobody", "right"))).message);
      assert.equal(await outcome(locked.user, "wrong"), "LOGIN_FAILED");
      assert.equal(await outcome(locked.user, "right"), "USER_LOCKED");
      assert.equal(await codeOf(bus.call("users.login", { user, password: "" })), "BAD_MESSAGE");
    });
    assert.ok(none);
  });

  it("failures count on from what there was, lock, also over a restart, and are told", async () => {
    const { uid, user } = await somebody();
    const second = await somebody();
    assert.equal(await outcome(user, "wrong"), "LOGIN_FAILED");
    await allCaughtUp([other, bus]);
    gate.shut();
    await eventually("degraded", WAIT_MS, () => bus.status().state === "degraded");
    assert.equal(await outcome(user, "wrong"), "LOGIN_FAILED");
    assert.equal(await outcome(second.user, "wrong"), "LOGIN_FAILED");
    await bus.close();
    bus = await open();
    assert.equal(await outcome(user, "wrong"), "LOGIN_FAILED", "the third");
    assert.equal(await outcome(user, "right"), "USER_LOCKED");
    await bus.close();
    bus = await open();
    assert.equal(await outcome(user, "right"), "USER_LOCKED");
    // Elsewhere it has failed, too, meanwhile.
    assert.equal(await outcome(second.user, "wrong", {}, other), "LOGIN_FAILED");
    gate.open();
    await eventually("the lock is told", WAIT_MS, async () => (await counted(uid))?.lockedUntil !== undefined);
    assert.equal(await outcome(user, "right", {}, other), "USER_LOCKED");
    await eventually("the failure is told", WAIT_MS, async () => (await counted(second.uid))?.failures === 2);
    await allCaughtUp([other, bus]);
    assert.equal(await outcome(second.user, "wrong"), "LOGIN_FAILED");
    assert.equal(await outcome(second.user, "right"), "USER_LOCKED", "the third of all");
  });

  it("who guesses many at once gets no more tries; a success begins the count anew; the default admin is never locked", async () => {
    const [one, two] = [await somebody(), await somebody()];
    await plant(deployment, 1, { password: hashed("of the admin", QUICK) });
    await allCaughtUp([other, bus]);
    await offline(bus, gate, async () => {
      const guesses = Array.from({ length: 12 }, (_, n) => outcome(one.user, `wrong ${n}`));
      const ends = await Promise.all(guesses);
      assert.ok(ends.includes("LOGIN_FAILED") && ends.every((end) => end !== "in"));
      assert.equal(await outcome(one.user, "right"), "USER_LOCKED");
      for (let round = 0; round < 2; round++) {
        for (let n = 0; n < 2; n++) assert.equal(await outcome(two.user, "wrong"), "LOGIN_FAILED");
        assert.equal(await outcome(two.user, "right"), "in");
      }
      for (let n = 0; n < 4; n++) assert.equal(await outcome("admin", "wrong"), "LOGIN_FAILED");
      assert.equal(await outcome("admin", "of the admin"), "in");
      // On a machine that stands still a lock may be over before it is looked at: then a longer one.
      for (let lockSeconds = 1, seen = ""; seen !== "USER_LOCKED"; lockSeconds *= 5) {
        assert.ok(lockSeconds < 30, "nobody was locked");
        assert.equal(await outcome(two.user, "wrong", { lockAfter: 1, lockSeconds }), "LOGIN_FAILED");
        seen = await outcome(two.user, "right");
      }
      await eventually("the lock ends", WAIT_MS, async () => (await outcome(two.user, "right")) === "in");
    });
  });

  it("a session that began by a password which is no more ends when that is heard of; so does one of a user who was locked or deleted", async () => {
    const [changed, locked, deleted] = [await somebody(), await somebody(), await somebody()];
    const users = [changed, locked, deleted];
    const sessions = await offline(bus, gate, async () => {
      await other.call("users.setPassword", { uid: changed.uid, password: "another one" });
      await other.call("users.setLocked", { uid: locked.uid, locked: true });
      await other.call("users.setLocked", { uid: locked.uid, locked: false });
      await other.collection("users").delete(String(deleted.uid));
      const begun = await Promise.all(users.map(({ user }) => login(user, "right")));
      for (const { session } of begun) assert.deepEqual(await over(session), [true, false]);
      return begun.map(({ session }) => session);
    });
    await allCaughtUp([other, bus]);
    await eventually("it is told", WAIT_MS, async () => (await counted(changed.uid))?.lastLogin !== undefined);
    for (const session of sessions) assert.deepEqual(await over(session), [true, true]);
  });

  it("a session is ended there at once, and everywhere later; all sessions of a user are not", async () => {
    const { uid, user } = await somebody();
    const { session } = await login(user, "right");
    const begun = await offline(bus, gate, async () => {
      const alone = await login(user, "right");
      for (const { id, expiresAt } of [session, alone.session]) {
        const request = { uid, session: id, expiresAt };
        assert.equal(await codeOf(bus.call("users.logout", request, { by: 987_654 })), "NOT_ALLOWED");
        assert.deepEqual(await bus.call("users.logout", request, { by: uid }), { revision: null });
      }
      assert.deepEqual(await over(session), [false, true]);
      assert.deepEqual(await over(alone.session), [true, true]);
      for (const refused of [
        bus.call("users.logout", { uid }),
        bus.call("users.setPassword", { uid, password: "p" }),
        bus.call("users.setLocked", { uid, locked: true }),
        bus.call("users.setAdmin", { uid, admin: true }),
      ])
        assert.equal(await codeOf(refused), "DATASTORE_UNREACHABLE");
      return alone.session;
    });
    await allCaughtUp([other, bus]);
    await eventually("it is told", WAIT_MS, async () => (await counted(uid))?.lastLogin === begun.issuedAt);
    for (const ended of [session, begun]) assert.deepEqual(await over(ended), [true, true]);
    assert.equal(await outcome(user, "right"), "in");
  });

  it("a login that is under way when contact is lost is answered here", async () => {
    const { user } = await somebody();
    const asked = login(user, "right");
    gate.shut();
    assert.ok(["web2", undefined].includes((await asked).session.webserver));
    assert.equal((await login(user, "right")).session.webserver, "web2");
    gate.open();
    await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  });
});

it("a webserver that has never had contact knows nobody, and says so", async (t) => {
  await using bus = await connectBus({ datastore: "127.0.0.1:1", webserver: "web1", dir: temporaryFolder(t) });
  assert.equal(await codeOf(bus.call("users.login", { user: "admin", password: "changeme" })), "DATASTORE_UNREACHABLE");
});

it("with no function that answers, at all or not at once, users log in", async () => {
  await using deployment = await deploy({ webservers: 1, bus: { updateInterval: 3600 } });
  const [bus] = deployment.buses as [Bus];
  const login = () => bus.call("users.login", { user: "admin", password: "changeme" }, { timeoutMs: WAIT_MS });
  for (const pid of deployment.datastore.pids.handlers) process.kill(pid, "SIGSTOP");
  assert.equal((await login()).session.webserver, "web1");
  assert.equal(bus.status().state, "degraded");
  for (const pid of deployment.datastore.pids.handlers) process.kill(pid, "SIGKILL");
  await eventually("synced again", WAIT_MS, () => bus.status().state === "synced");
  await eventually("told", WAIT_MS, async () => (await bus.collection("logins").get("1"))?.doc.lastLogin !== undefined);
});

it("what is to be told is told in parts of bounded size, and nothing is added to what may have been sent", async (t) => {
  const dir = temporaryFolder(t);
  let n = 0;
  const mutation = () => `m${++n}`;
  const session = { id: "s", uid: 7, issuedAt: "2026-01-01T00:00:00Z", expiresAt: "2026-01-02T00:00:00Z" };
  const note = (ledger: LoginLedger) =>
    ledger.note({ uid: 7, failures: n }, (report) => ({ ...report, sessions: [...report.sessions, session] }), mutation);
  const schemas = loadSchemas();
  const ledger = LoginLedger.open(dir, schemas);
  for (let times = 0; times < 150; times++) await note(ledger);
  assert.deepEqual(
    ledger.reports.map(({ sessions }) => sessions.length),
    [100, 50],
  );
  const [first, second] = ledger.reports;
  assert.ok(first && second);
  assert.equal(ledger.sending(second).sessions.length, 50);
  await note(ledger);
  await ledger.reported(first);
  await ledger.close();
  const again = LoginLedger.open(dir, schemas);
  await note(again);
  assert.deepEqual(
    again.reports.map(({ mutation: id, sessions }) => [id, sessions.length]),
    [
      ["m2", 50],
      ["m3", 1],
      ["m4", 1],
    ],
  );
  assert.deepEqual(again.loginOf(7), { uid: 7, failures: 3 });
  assert.equal(again.loginOf(8), undefined);
  await again.close();
});
