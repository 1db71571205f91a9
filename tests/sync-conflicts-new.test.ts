// Goal: an edit of a document that was not there when it was made, and that loses, is refused with its reason and kept.
// Method: what an outbox sends after a restart: a patch on top of a write that is not known any more, base 0.
import assert from "node:assert/strict";
import { test } from "node:test";
import { asker } from "./support/asking.ts";
import { deploy } from "./support/deployment.ts";

test("a patch based on nothing that loses is refused as a conflict, and kept", async () => {
  await using deployment = await deploy({ webservers: 1 });
  const { ask } = await asker(deployment, "web9");
  await ask("put", "dashboards", { doc: { id: "d", name: "theirs" } });
  const diff = [{ path: "/name", old: "before", new: "ours" }];
  const { code } = await ask("patch", "dashboards", { id: "d", merge: { name: "ours" }, base: 0, diff });
  assert.equal(code, "REVISION_CONFLICT");
  const [bus] = deployment.buses as [(typeof deployment.buses)[0]];
  await bus.caughtUp();
  const [copy] = await bus.conflicts.list();
  assert.deepEqual([copy?.docId, copy?.losing, copy?.base], ["d", { patch: { name: "ours" } }, 0]);
});
