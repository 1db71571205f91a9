// Goal: a session that is over is refused by every webserver, and no other one is. Method: the pure rule by a table; ten webservers on one datastore,
// each asked until it refuses.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Bus, type Session, type SessionClaims, sessionIsOver, type User } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { hashed, plant, QUICK } from "./support/passwords.ts";
import { makeUser } from "./support/people.ts";
import { codeOf } from "./support/refusals.ts";

const at = (seconds: number) => new Date(1_700_000_000_000 + seconds * 1000).toISOString();

describe("a session is over", () => {
  const claims: SessionClaims = { id: "s", uid: 7, issuedAt: at(10), expiresAt: at(100) };
  const user: User = { uid: 7, user: "u" };
  const alone: SessionClaims = { ...claims, webserver: "web1", sessionsFrom: at(5) };
  const isOver = (...[of, who, known, seconds]: [SessionClaims, User | undefined, Session | undefined, number]) =>
    sessionIsOver(of, who, known, Date.parse(at(seconds)), "web2");
  for (const [what, over, seconds, changed, ended] of [
    ["while it lasts: no", false, 50, {}, false],
    ["up to its last moment: no", false, 99.999, {}, false],
    ["when it has expired", true, 100, {}, false],
    ["when it was ended", true, 50, {}, true],
    ["when the user is locked", true, 50, { locked: true }, false],
    ["when the user is not locked any more: no", false, 50, { locked: false }, false],
    ["when the user's sessions were ended later", true, 50, { sessionsFrom: at(10.001) }, false],
    ["when they were ended at the moment it began: no", false, 50, { sessionsFrom: at(10) }, false],
    ["when they were ended before: no", false, 50, { sessionsFrom: at(9) }, false],
    ["when a time can't be read", true, 50, { sessionsFrom: "soon" }, false],
    ["when it is another user's", true, 50, { uid: 8 }, false],
  ] as const)
    it(what, () => {
      const document = ended ? { id: "s", uid: 7 } : undefined;
      assert.equal(isOver(claims, { ...user, ...changed }, document, seconds), over);
    });
  it("when nobody knows the user, or a claim can't be read", () => {
    assert.ok(isOver(claims, undefined, undefined, 50));
    for (const bad of [{ expiresAt: "never" }, { issuedAt: "long ago" }])
      assert.ok(isOver({ ...claims, ...bad }, user, undefined, 50));
  });
  const confirmed = { id: "s", uid: 7, confirmed: true };
  for (const [what, over, where, changed, known] of [
    ["that began without contact counts where it began: no", false, "web1", {}, undefined],
    ["and nowhere else", true, "web2", {}, undefined],
    ["until it is confirmed: no", false, "web2", {}, confirmed],
    [
      "also then when the user's sessions were ended since the user was known there",
      true,
      "web2",
      { sessionsFrom: at(6) },
      confirmed,
    ],
    ["there, too, although it began later", true, "web1", { sessionsFrom: at(6) }, undefined],
    ["not by what was known there: no", false, "web1", { sessionsFrom: at(5) }, undefined],
    ["when it was ended", true, "web1", {}, { id: "s", uid: 7 }],
  ] as const)
    it(what, () => assert.equal(sessionIsOver(alone, { ...user, ...changed }, known, Date.parse(at(50)), where), over));
});

describe("on ten webservers", () => {
  let deployment: Deployment;
  let buses: readonly Bus[];
  let first: Bus;
  before(async () => {
    deployment = await deploy({ webservers: 10, handlers: 2 });
    buses = deployment.buses;
    first = buses[0] as Bus;
  });
  after(() => deployment[Symbol.asyncDispose]());

  async function isOver(bus: Bus, session: SessionClaims): Promise<boolean> {
    const [user, ended] = [
      await bus.collection("users").get(String(session.uid)),
      await bus.collection("sessions").get(session.id),
    ];
    return sessionIsOver(session, user?.doc, ended?.doc, Date.now(), "web1");
  }
  /** On every webserver. */
  const everywhere = (session: SessionClaims, over: boolean) =>
    eventually(`${over ? "over" : "alive"} on all`, 60_000, async () =>
      (await Promise.all(buses.map((bus) => isOver(bus, session)))).every((one) => one === over),
    );

  async function twoSessions(user: string): Promise<[SessionClaims, SessionClaims, number]> {
    const uid = await makeUser(first, { user });
    await plant(deployment, uid, { password: hashed("right", QUICK) });
    const login = async () => (await first.call("users.login", { user, password: "right" })).session;
    return [await login(), await login(), uid];
  }

  it("an admin's lock ends every session, and all that goes on in the user's name", async () => {
    const [one, two, uid] = await twoSessions("locked");
    await Promise.all([everywhere(one, false), everywhere(two, false)]);
    const readings = buses.map((bus) => bus.asUser(uid).collection("dashboards").changes());
    const waiting = readings.map((reading) => codeOf(reading.next()));
    const { revision } = await first.call("users.setLocked", { uid, locked: true });
    await Promise.all(buses.map((bus) => bus.caughtUp(revision)));
    for (const bus of buses) {
      assert.ok((await isOver(bus, one)) && (await isOver(bus, two)));
      const dashboards = bus.asUser(uid).collection("dashboards");
      assert.equal(await codeOf(dashboards.list()), "NOT_ALLOWED");
      assert.equal(await codeOf(dashboards.put({ name: "d" })), "NOT_ALLOWED");
    }
    assert.equal(await codeOf(first.call("users.login", { user: "locked", password: "right" })), "USER_LOCKED");
    await first.collection("dashboards").put({ name: "wakes who waits" });
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set(["NOT_ALLOWED"]));

    // Unlocked, the user logs in again; what was over stays so.
    await first.call("users.setLocked", { uid, locked: false });
    const { session } = await first.call("users.login", { user: "locked", password: "right" });
    await everywhere(session, false);
    await Promise.all([everywhere(one, true), everywhere(two, true)]);
  });

  it("a lock by put or patch ends them, too; another edit does not", async () => {
    const [one, two, uid] = await twoSessions("edited");
    await first.collection("users").patch(String(uid), { name: "n" });
    await Promise.all([everywhere(one, false), everywhere(two, false)]);
    await first.collection("users").patch(String(uid), { locked: true });
    await first.collection("users").patch(String(uid), { locked: false });
    await Promise.all([everywhere(one, true), everywhere(two, true)]);
  });

  it("a logout ends one session; without a session's id it ends all", async () => {
    const [one, two, uid] = await twoSessions("leaves");
    await first.call("users.logout", { uid, session: one.id, expiresAt: one.expiresAt }, { by: uid });
    await Promise.all([everywhere(one, true), everywhere(two, false)]);
    assert.equal((await first.collection("sessions").get(one.id))?.doc.expiresAt, one.expiresAt);
    await first.call("users.logout", { uid }, { by: uid });
    await everywhere(two, true);
  });

  it("a new password ends them, and a deletion does", async () => {
    const [one, two, uid] = await twoSessions("changes");
    await first.call("users.setPassword", { uid, password: "other" });
    await Promise.all([everywhere(one, true), everywhere(two, true)]);
    const { session } = await first.call("users.login", { user: "changes", password: "other" });
    await everywhere(session, false);
    await first.collection("users").delete(String(uid));
    await everywhere(session, true);
  });
});
