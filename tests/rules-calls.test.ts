// Goal: every named function refuses alike: what is malformed, who may not, and what can't be reached; and a mutation id has one effect. Method:
// one table of all of them, which is held against what the bus knows; a webserver, two handlers that freeze and die.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bus, Calls } from "../bus/index.ts";
import { loadSchemas } from "../schemas/index.ts";
import { type Asker, asker } from "./support/asking.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { storedVersions } from "./support/faults-ledger.ts";
import { freeze } from "./support/faults-processes.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { hashed, plant, QUICK } from "./support/passwords.ts";
import { makeGroup, makeUser } from "./support/people.ts";
import { codeOf, refusal } from "./support/refusals.ts";

/** What an operator restores by has its own tests. */
type Name = Exclude<keyof Calls, `backups.${string}` | `fuses.${string}`>;
interface Tried {
  /** A request that is fine. */
  request(about: { uid: number; gid: number; user: string }): object;
  /** What makes it bad, and where. */
  bad: readonly [object, string][];
  /** Whether the user themself may. */
  own: boolean;
}

const BAD_UID: [object, string] = [{ uid: "7" }, "/uid"];
const CALLS: Record<Name, Tried> = {
  "users.login": {
    request: ({ user }) => ({ user, password: "right" }),
    bad: [
      [{ user: "" }, "/user"],
      [{ password: 7 }, "/password"],
      [{ lockAfter: 0 }, "/lockAfter"],
      [{ more: 1 }, "/more"],
    ],
    own: true,
  },
  "users.logout": {
    request: ({ uid }) => ({ uid }),
    bad: [BAD_UID, [{ uid: 0 }, "/uid"], [{ session: "" }, "/session"]],
    own: true,
  },
  "users.setPassword": {
    request: ({ uid }) => ({ uid, password: "right", current: "right" }),
    bad: [BAD_UID, [{ password: "" }, "/password"], [{ password: "x".repeat(1025) }, "/password"]],
    own: true,
  },
  "users.setAdmin": { request: ({ uid }) => ({ uid, admin: true }), bad: [BAD_UID, [{ admin: "yes" }, "/admin"]], own: false },
  "users.setLocked": { request: ({ uid }) => ({ uid, locked: true }), bad: [BAD_UID, [{ locked: null }, "/locked"]], own: false },
  "groups.setMembers": {
    request: ({ uid, gid }) => ({ gid, members: [uid] }),
    bad: [
      [{ gid: 1.5 }, "/gid"],
      [{ members: [1, 1] }, "/members"],
      [{ members: [0] }, "/members/0"],
    ],
    own: false,
  },
  "stores.reseed": {
    request: () => ({ word: "look" }),
    bad: [
      [{ word: "erase" }, "/word"],
      [{ from: [] }, "/from"],
    ],
    own: false,
  },
  "logins.report": {
    request: ({ uid }) => ({ uid, failures: 0, lockAfter: 5, lockSeconds: 300, sessions: [] }),
    bad: [BAD_UID, [{ failures: -1 }, "/failures"], [{ sessions: [{}] }, "/sessions/0/id"]],
    own: false,
  },
  "searches.clear": { request: ({ uid }) => ({ uid }), bad: [BAD_UID, [{ all: true }, "/all"]], own: true },
};
const names = Object.keys(CALLS) as Name[];

let deployment: Deployment;
let bus: Bus;
let raw: Asker;

before(async () => {
  deployment = await deploy({ webservers: 1, handlers: 2, bus: { updateInterval: 0.5 } });
  [bus] = deployment.buses as [Bus];
  raw = await asker(deployment, "raw");
});
after(() => deployment[Symbol.asyncDispose]());

async function somebody() {
  const uid = await makeUser(bus);
  await plant(deployment, uid, { password: hashed("right", QUICK) });
  await bus.caughtUp();
  const { doc } = (await bus.collection("users").get(String(uid))) ?? assert.fail();
  return { uid, gid: await makeGroup(bus), user: doc.user };
}
const call = (name: string, request: object, options: object = {}) => bus.call(name as Name, request as never, options);
const effects = async (mutation: string) =>
  (await storedVersions(deployment)).filter(({ envelope }) => envelope?.version === mutation).length;

describe("a named function", () => {
  it("is in this table", () => {
    assert.deepEqual([...loadSchemas().calls].filter((name) => !/^(backups|fuses)\./.test(name)).sort(), names.toSorted());
  });

  it("says what is wrong with a message, and where; so does the datastore itself", async () => {
    const about = await somebody();
    for (const name of names) {
      const { request, bad } = CALLS[name];
      for (const [change, path] of bad) {
        const error = await refusal(call(name, { ...request(about), ...change }));
        assert.deepEqual([error.code, error.path], ["BAD_MESSAGE", path], name);
        const answer = await raw.ask(name, { ...request(about), ...change });
        assert.deepEqual([answer.code, answer.path], ["BAD_MESSAGE", path], name);
      }
      for (const options of [{ by: -1 }, { by: 1.5 }, { mutationId: "a b" }])
        assert.equal(await codeOf(call(name, request(about), options)), "BAD_MESSAGE", name);
      assert.equal((await raw.ask(name, { ...request(about), by: -1 })).code, "BAD_MESSAGE", name);
    }
  });

  it("that nobody knows is UNKNOWN_CALL", async () => {
    for (const name of ["users.forget", "users", "login", "users.login.request", "put", "", "toString", "__proto__.x"])
      assert.equal(await codeOf(call(name, {})), "UNKNOWN_CALL", name);
  });

  it("is for admins; some are also for the user whom they are about", async () => {
    const [about, other] = [await somebody(), await somebody()];
    const locked = await makeUser(bus, { admin: true, locked: true });
    for (const name of names.filter((one) => one !== "users.login")) {
      const { request, own } = CALLS[name];
      for (const by of [other.uid, locked, 987_654]) {
        assert.equal(await codeOf(call(name, request(about), { by })), "NOT_ALLOWED", name);
        assert.equal((await raw.ask(name, { ...request(about), by })).code, "NOT_ALLOWED", name);
      }
      const { code } = await raw.ask(name, { ...request(about), by: about.uid });
      assert.equal(code, own ? undefined : "NOT_ALLOWED", name);
    }
  });

  it("names who is not there", async () => {
    for (const name of ["users.logout", "users.setPassword", "users.setAdmin", "users.setLocked", "logins.report"] as const) {
      const error = await refusal(call(name, CALLS[name].request({ uid: 987_654, gid: 1, user: "" })));
      assert.deepEqual([error.code, error.path], ["UNKNOWN_USER", "/uid"], name);
    }
  });

  it("has one effect for a mutation id, also when the opposite was done since", async () => {
    const { uid, gid } = await somebody();
    const fields = async () => {
      await bus.caughtUp();
      const { doc } = (await bus.collection("users").get(String(uid))) ?? assert.fail();
      return [doc.admin, doc.locked, doc.groups];
    };
    const once = async () => {
      await call("users.setAdmin", { uid, admin: true }, { mutationId: "once:admin" });
      await call("users.setLocked", { uid, locked: true }, { mutationId: "once:locked" });
      await call("groups.setMembers", { gid, members: [uid] }, { mutationId: "once:members" });
    };
    await once();
    assert.deepEqual(await fields(), [true, true, [gid]]);
    await call("users.setAdmin", { uid, admin: false });
    await call("users.setLocked", { uid, locked: false });
    await call("groups.setMembers", { gid, members: [] });
    await once();
    assert.deepEqual(await fields(), [false, false, []]);
    for (const session of ["one", "one"]) await call("users.logout", { uid, session }, { mutationId: "once:session" });
    assert.equal(await effects("once:session"), 1);
  });

  it("whose handlers die under it has an unknown outcome, and can be asked again", async () => {
    const about = await somebody();
    for (const name of names) {
      const request = CALLS[name].request(about);
      using frozen = freeze(deployment.datastore.pids.handlers);
      const mutationId = `unknown:${name}`;
      const asked = refusal(call(name, request, { mutationId, timeoutMs: 400 }));
      const error = await asked;
      assert.deepEqual([error.code, error.retryable, error.mutationId], ["OUTCOME_UNKNOWN", true, mutationId], name);
      frozen.thaw();
      await eventually("answered again", 60_000, () => bus.status().state === "synced");
      if (name === "users.setLocked") await call(name, { ...request, locked: true }, { mutationId });
      else await call(name, request, { mutationId });
      assert.ok((await effects(mutationId)) <= 2, "a user and a login");
      await call("users.setLocked", { uid: about.uid, locked: false });
    }
    const dying = freeze(deployment.datastore.pids.handlers);
    const nats = await deployment.rawFunctions();
    const sent = new Promise<void>((resolve) => {
      nats.subscribe("ds.req.users.setAdmin.*", { callback: () => resolve() });
    });
    await nats.flush();
    const killed = refusal(call("users.setAdmin", { uid: about.uid, admin: true }, { mutationId: "killed:1", timeoutMs: 1000 }));
    await sent;
    for (const pid of deployment.datastore.pids.handlers) process.kill(pid, "SIGKILL");
    dying.thaw();
    assert.equal((await killed).code, "OUTCOME_UNKNOWN");
    await eventually("a new handler answers", 60_000, () =>
      call("users.setAdmin", { uid: about.uid, admin: true }, { mutationId: "killed:1" }).then(
        () => true,
        () => false,
      ),
    );
    assert.equal(await effects("killed:1"), 1);
  });

  it("is not sent without a datastore", async () => {
    const about = await somebody();
    await deployment.stopDatastore();
    await eventually("noticed", 60_000, () => bus.status().state === "degraded");
    for (const name of names.filter((one) => one !== "users.login")) {
      const error = await refusal(call(name, CALLS[name].request(about), { timeoutMs: 60_000 }));
      assert.deepEqual([error.code, error.retryable], ["DATASTORE_UNREACHABLE", true], name);
    }
    assert.equal(bus.status().pending, 0, "nothing waits to be sent");
  });
});
