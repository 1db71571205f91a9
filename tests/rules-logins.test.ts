// Goal: the right password opens, a wrong one never does, whatever happens at the same moment; failures lock for a while, and nobody's edit
// meets them. Method: two handlers; users whose hash was put into the store, quick or slow to check, so that something can happen meanwhile.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Bus, sessionIsOver } from "../bus/index.ts";
import type { UsersLoginReply } from "../schemas/types.ts";
import { type Asker, answeredBy, asker } from "./support/asking.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { hashed, plant, QUICK, SLOW } from "./support/passwords.ts";
import { makeUser } from "./support/people.ts";

let deployment: Deployment;
let bus: Bus;
let raw: Asker;
let users = 0;

before(async () => {
  deployment = await deploy({ webservers: 1, handlers: 2 });
  [bus] = deployment.buses as [Bus];
  raw = await asker(deployment, "raw");
});
after(() => deployment[Symbol.asyncDispose]());

async function userWith(password: string, parameters = QUICK): Promise<{ uid: number; user: string }> {
  const user = `login${++users}`;
  const uid = await makeUser(bus, { user });
  await plant(deployment, uid, { password: hashed(password, parameters) });
  return { uid, user };
}
/** "in", or what it is refused with. */
const login = async (user: string, password: string, settings: object = {}) =>
  (await raw.ask("users.login", { user, password, ...settings })).code ?? "in";
const logins = async (uid: number) => {
  await bus.caughtUp();
  return (await bus.collection("logins").get(String(uid)))?.doc;
};
const userDoc = async (uid: number) => {
  await bus.caughtUp();
  return (await bus.collection("users").get(String(uid)))?.doc ?? assert.fail();
};

describe("a password", () => {
  it("is set, opens, and the old one is refused at once, on both handlers", async () => {
    const { uid, user } = await userWith("old");
    await bus.call("users.setPassword", { uid, password: "new" });
    for (let n = 0; n < 4; n++) assert.equal(await login(user, "old", { lockAfter: 100 }), "LOGIN_FAILED");
    assert.equal(await login(user, "new"), "in");
    assert.equal(await login(user.toUpperCase(), "new"), "in", "the name's case");
    assert.equal(await login("nobody", "new"), "LOGIN_FAILED");
    const functions = await deployment.rawFunctions();
    await eventually("both have answered", 60_000, async () => {
      assert.equal(await login(user, "old", { lockAfter: 100 }), "LOGIN_FAILED");
      return (await answeredBy(functions, "users-login", 2)).every((count) => count > 0);
    });
  });

  it("of one's own needs the one until now", async () => {
    const { uid, user } = await userWith("mine");
    const set = (current: object) => raw.ask("users.setPassword", { uid, password: "mine too", by: uid, ...current });
    for (const wrong of [{}, { current: "no" }]) {
      const { code, path } = await set(wrong);
      assert.deepEqual([code, path], ["LOGIN_FAILED", "/current"]);
    }
    assert.equal((await set({ current: "mine", mutation: "own:1" })).code, undefined);
    assert.equal((await set({ current: "mine", mutation: "own:1" })).code, undefined, "a retry is no new try");
    assert.equal(await login(user, "mine too"), "in");
    assert.equal((await userDoc(uid)).lastModifiedBy, uid);
  });

  it("is the same in every Unicode form, and empty for nobody", async () => {
    const { uid, user } = await userWith("x");
    await bus.call("users.setPassword", { uid, password: "Zoe\u0308" });
    assert.equal(await login(user, "Zoë"), "in");
    assert.equal(await login(user, "zoë"), "LOGIN_FAILED");
    const none = await makeUser(bus, { user: "without" });
    assert.equal(await login("without", "x"), "LOGIN_FAILED");
    assert.equal((await logins(none))?.failures, 1);
  });

  it("is hashed again at a login when its hash is weaker than asked for now", async () => {
    const { uid, user } = await userWith("weak");
    assert.equal(await login(user, "wrong"), "LOGIN_FAILED");
    assert.equal((await userDoc(uid)).password?.cost, QUICK.cost);
    const { sessionsFrom } = await userDoc(uid);
    assert.equal(await login(user, "weak"), "in");
    const stored = await userDoc(uid);
    assert.ok((stored.password?.cost ?? 0) >= 2 ** 15);
    assert.equal(stored.sessionsFrom, sessionsFrom, "sessions go on");
    assert.equal(await login(user, "weak"), "in");
    assert.deepEqual((await userDoc(uid)).password, stored.password);
  });
});

describe("what happens while a password is checked", () => {
  const now = () => new Date().toISOString();
  /** A login of a slow hash; `meanwhile` runs when the old hash is being checked. On a machine that stands still it may come after that: then there is a
   *  session. */
  async function during(
    uid: number,
    user: string,
    meanwhile: () => Promise<unknown>,
  ): Promise<Partial<UsersLoginReply> & { code?: string }> {
    const checking = raw.ask("users.login", { user, password: "old" });
    for (let n = 0; n < 10; n++) await raw.ask("users.logout", { uid, session: `${uid}` });
    await meanwhile();
    return await checking;
  }

  async function assertOver(uid: number, session: UsersLoginReply["session"]): Promise<void> {
    assert.ok(sessionIsOver(session, await userDoc(uid), undefined, Date.now(), "web1"));
  }

  it("counts: another password was set", async () => {
    const { uid, user } = await userWith("old", SLOW);
    const answer = await during(uid, user, () => plant(deployment, uid, { password: hashed("new", QUICK), sessionsFrom: now() }));
    if (answer.session) await assertOver(uid, answer.session);
    else assert.equal(answer.code, "LOGIN_FAILED");
    assert.equal(await login(user, "new"), "in");
  });

  it("counts: an admin locked the user, and unlocked", async () => {
    const { uid, user } = await userWith("old", SLOW);
    const locked = await during(uid, user, () => raw.ask("users.setLocked", { uid, locked: true }));
    if (locked.session) await assertOver(uid, locked.session);
    else assert.equal(locked.code, "USER_LOCKED");
    await raw.ask("users.setLocked", { uid, locked: false });
    const { session } = await during(uid, user, async () => {
      await raw.ask("users.setLocked", { uid, locked: true });
      await raw.ask("users.setLocked", { uid, locked: false });
    });
    if (session) await assertOver(uid, session);
  });

  it("counts: another password was set while the old one was hashed again", async () => {
    const { uid, user } = await userWith("old", SLOW);
    const checking = raw.ask("users.login", { user, password: "old" });
    await eventually("it was right", 60_000, async () => (await bus.collection("logins").get(String(uid)))?.doc.lastLogin);
    await plant(deployment, uid, { password: hashed("new", QUICK), sessionsFrom: now() });
    const { session } = (await checking) as unknown as UsersLoginReply;
    assert.ok(sessionIsOver(session, await userDoc(uid), undefined, Date.now(), "web1"), "a session of the old password");
    assert.equal(await login(user, "old"), "LOGIN_FAILED");
    assert.equal(await login(user, "new"), "in");
  });
});

describe("sessions that were ended by a clock that is ahead", () => {
  it("are over, and later ones count until they are ended, by whatever way", async () => {
    const { uid, user } = await userWith("one");
    const ahead = Date.now() + 24 * 3600_000;
    await plant(deployment, uid, { sessionsFrom: new Date(ahead).toISOString() });
    let password = "one";
    const begun = async () => (await raw.ask("users.login", { user, password })).session as UsersLoginReply["session"];
    const isOver = async (session: UsersLoginReply["session"]) =>
      sessionIsOver(session, await userDoc(uid), undefined, Date.now(), "web1");
    const ends = {
      password: () => raw.ask("users.setPassword", { uid, password: "two" }),
      logout: () => raw.ask("users.logout", { uid }),
      async lock() {
        await raw.ask("users.setLocked", { uid, locked: true });
        return await raw.ask("users.setLocked", { uid, locked: false });
      },
    };
    const all: UsersLoginReply["session"][] = [];
    for (const [what, end] of Object.entries(ends)) {
      const session = await begun();
      assert.equal(await isOver(session), false, what);
      all.push(session);
      assert.equal((await end()).code, undefined);
      password = "two";
      for (const one of all) assert.equal(await isOver(one), true, what);
    }
    assert.equal(await isOver(await begun()), false);
  });
});

describe("failed logins", () => {
  it("lock for a while, whoever knows the password, and end by themselves", async () => {
    const { uid, user } = await userWith("right");
    let settings = { lockAfter: 3, lockSeconds: 1 };
    const { session } = (await raw.ask("users.login", { user, password: "right" })) as unknown as UsersLoginReply;
    // On a machine that stands still a lock may be over before it is looked at: then a longer one.
    for (let seen = ""; seen !== "USER_LOCKED"; ) {
      assert.ok(settings.lockSeconds < 30, "nobody was locked");
      for (let n = 0; n < 3; n++) assert.equal(await login(user, "wrong", settings), "LOGIN_FAILED");
      seen = await login(user, "right", settings);
      if (seen !== "USER_LOCKED") settings = { ...settings, lockSeconds: settings.lockSeconds * 5 };
    }
    assert.equal(sessionIsOver(session, await userDoc(uid), undefined, Date.now(), "web1"), false, "sessions go on");
    await bus.asUser(uid).collection("dashboards").list();
    await eventually("the lock ends", 60_000, async () => (await login(user, "right", settings)) === "in");
    assert.equal((await logins(uid))?.lockedUntil, undefined);
  });

  it("count from the beginning after a success, and after an admin's unlock", async () => {
    const { uid, user } = await userWith("right");
    const settings = { lockAfter: 3, lockSeconds: 600 };
    const fail = async (times: number) => {
      for (let n = 0; n < times; n++) assert.equal(await login(user, "wrong", settings), "LOGIN_FAILED");
    };
    await fail(2);
    assert.equal(await login(user, "right", settings), "in");
    await fail(2);
    assert.equal(await login(user, "right", settings), "in");
    await fail(3);
    assert.equal(await login(user, "right", settings), "USER_LOCKED");
    const { revision } = await raw.ask("users.setLocked", { uid, locked: false });
    await bus.caughtUp(Number(revision));
    assert.equal((await bus.collection("logins").get(String(uid)))?.doc.lockedUntil, undefined, "the revision contains it");
    await fail(2);
    assert.equal(await login(user, "right", settings), "in");
  });

  it("lock also who guesses many at once", async () => {
    const { user } = await userWith("right", { ...SLOW, parallel: 3 });
    const settings = { lockAfter: 2, lockSeconds: 600 };
    const guesses = Array.from({ length: 12 }, (_, n) => login(user, n < 11 ? `wrong ${n}` : "right", settings));
    assert.equal((await Promise.all(guesses)).at(-1), "USER_LOCKED");
  });

  it("are also wrong passwords of one's own, where one sets another", async () => {
    const { uid, user } = await userWith("right");
    const set = async (current: string, more: object = {}) =>
      (await raw.ask("users.setPassword", { uid, password: "new", current, by: uid, lockAfter: 3, lockSeconds: 600, ...more }))
        .code;
    assert.equal(await login(user, "wrong", { lockAfter: 3 }), "LOGIN_FAILED");
    for (let n = 0; n < 2; n++) assert.equal(await set("wrong", { mutation: "wrong:1" }), "LOGIN_FAILED", "a retry counts once");
    assert.equal((await logins(uid))?.failures, 2);
    assert.equal(await set("wrong"), "LOGIN_FAILED");
    for (const locked of [await set("right"), await login(user, "right")]) assert.equal(locked, "USER_LOCKED");
    // What an admin sets needs no other password, and leaves the lock as it is.
    assert.equal((await raw.ask("users.setPassword", { uid, password: "newer" })).code, undefined);
    assert.equal(await login(user, "newer"), "USER_LOCKED");
    await raw.ask("users.setLocked", { uid, locked: false });
    assert.equal(await set("newer"), undefined);
    assert.equal(await login(user, "new"), "in");
  });

  it("count once for a mutation id", async () => {
    const { uid, user } = await userWith("right");
    for (let n = 0; n < 3; n++) await login(user, "wrong", { mutation: "failed:1", lockAfter: 2 });
    assert.equal((await logins(uid))?.failures, 1);
  });

  it("never meet an edit of the user", async () => {
    const { uid, user } = await userWith("right");
    await bus.caughtUp();
    let { revision } = (await bus.collection("users").get(String(uid))) ?? assert.fail();
    for (let round = 0; round < 20; round++) {
      const [written] = await Promise.all([
        bus.collection("users").patch(String(uid), { name: `${round}` }, { ifRevision: revision }),
        ...[1, 2, 3].map(() => login(user, "wrong", { lockAfter: 1000 })),
      ]);
      revision = written.revision ?? 0;
    }
    assert.equal((await logins(uid))?.failures, 60, "and none is lost");
  });
});
