// Goal: who is in a group is what one list says, whoever sets another one or edits a user at the same moment. Method: two webservers, two handlers.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bus } from "../bus/index.ts";
import { type Asker, asker } from "./support/asking.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { makeGroup, makeUser } from "./support/people.ts";
import { refusal } from "./support/refusals.ts";

let deployment: Deployment;
let a: Bus;
let b: Bus;
let raw: Asker;
let uids: number[];

before(async () => {
  deployment = await deploy({ webservers: 2, handlers: 2 });
  [a, b] = deployment.buses as [Bus, Bus];
  raw = await asker(deployment, "raw");
  uids = [];
  for (let n = 0; n < 6; n++) uids.push(await makeUser(a));
});
after(() => deployment[Symbol.asyncDispose]());

async function membersOf(gid: number, bus = b): Promise<number[]> {
  await bus.caughtUp();
  const { items } = await bus.collection("users").list({ limit: 1000 });
  return items.filter(({ doc }) => doc.groups?.includes(gid)).map(({ doc }) => doc.uid);
}
const some = (...which: number[]) => which.map((n) => uids[n] ?? 0);

describe("a group's members", () => {
  it("are who the list says; the others leave; other groups stay", async () => {
    const [gid, other] = [await makeGroup(a), await makeGroup(a)];
    await a.call("groups.setMembers", { gid: other, members: some(0, 1) });
    const first = await a.call("groups.setMembers", { gid, members: some(0, 1, 2) }, { by: 1 });
    assert.deepEqual([first.added, first.removed], [3, 0]);
    const second = await b.call("groups.setMembers", { gid, members: some(3, 2) });
    assert.deepEqual([second.added, second.removed], [1, 2]);
    await a.caughtUp(second.revision);
    assert.deepEqual(await membersOf(gid, a), some(2, 3));
    assert.deepEqual(await membersOf(other), some(0, 1));
    const none = await a.call("groups.setMembers", { gid, members: [] });
    assert.deepEqual([none.added, none.removed], [0, 2]);
    assert.equal((await a.collection("groups").get(String(gid)))?.doc.lastModifiedBy, 0);
  });

  it("must be users, of a group that is there", async () => {
    const gid = await makeGroup(a);
    await a.call("groups.setMembers", { gid, members: some(0) });
    const unknown = await refusal(a.call("groups.setMembers", { gid, members: [...some(1, 2), 987_654] }));
    assert.deepEqual([unknown.code, unknown.path], ["UNKNOWN_USER", "/members/2"]);
    assert.deepEqual(await membersOf(gid), some(0), "nothing of it was done");
    await a.collection("groups").delete(String(gid));
    for (const gone of [gid, 987_654]) {
      const error = await refusal(b.call("groups.setMembers", { gid: gone, members: some(1) }));
      assert.deepEqual([error.code, error.path], ["UNKNOWN_GROUP", "/gid"]);
    }
    for (const write of [
      () => b.collection("users").patch(String(uids[5]), { groups: [gid] }),
      () => b.collection("users").put({ user: "in no group", groups: [987_654] }),
    ]) {
      const error = await refusal(write());
      assert.deepEqual([error.code, error.path], ["UNKNOWN_GROUP", "/groups"]);
    }
  });

  it("are set once for a mutation id, whoever set them after", async () => {
    const gid = await makeGroup(a);
    const mutationId = "members:1";
    await a.call("groups.setMembers", { gid, members: some(0, 1) }, { mutationId });
    await b.call("groups.setMembers", { gid, members: some(1, 2) });
    await b.call("groups.setMembers", { gid, members: some(0, 1) }, { mutationId });
    assert.deepEqual(await membersOf(gid), some(1, 2));
  });

  it("are one list's and no mixture when two are set at once, and no user's edit is lost", async () => {
    const gid = await makeGroup(a);
    const lists = [some(0, 1, 2), some(2, 3, 4)];
    for (let round = 0; round < 50; round++) {
      const edit = { name: `round ${round}` };
      const answers = await Promise.all([
        ...lists.map((members) => raw.ask("groups.setMembers", { gid, members })),
        ...some(0, 2, 4).map((uid) => raw.ask("patch", "users", { id: String(uid), merge: edit })),
      ]);
      assert.deepEqual(
        answers.flatMap(({ code }) => code ?? []),
        [],
      );
      const members = await membersOf(gid);
      assert.ok(
        lists.some((list) => list.join() === members.join()),
        `${members}`,
      );
      for (const uid of some(0, 2, 4)) assert.equal((await b.collection("users").get(String(uid)))?.doc.name, edit.name);
    }
  });

  it("may be deleted meanwhile", async () => {
    const gid = await makeGroup(a);
    for (let round = 0; round < 10; round++) {
      const uid = await makeUser(a);
      const [set] = await Promise.all([
        raw.ask("groups.setMembers", { gid, members: [...some(0, 1), uid] }),
        raw.ask("delete", "users", { id: String(uid) }),
      ]);
      assert.ok([undefined, "UNKNOWN_USER"].includes(set.code), set.message);
    }
  });
});
