// Goal: the first start makes one admin, whom everybody is told to give another password. Method: a new datastore with two handlers, which start
// at the same moment; its restart; the rename and the new password.
import assert from "node:assert/strict";
import { it } from "node:test";
import type { Bus } from "../bus/index.ts";
import { asker } from "./support/asking.ts";
import { deploy } from "./support/deployment.ts";
import { storedVersions } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { codeOf } from "./support/refusals.ts";

it("the first start makes one admin with a password that must go", async () => {
  await using deployment = await deploy({ webservers: 2, handlers: 2, bus: { updateInterval: 0.2 } });
  const [a, b] = deployment.buses as [Bus, Bus];
  const users = async () =>
    (await storedVersions(deployment)).filter(({ subject }) => subject.startsWith("$KV.datastore.users."));
  const warned = (bus: Bus) => bus.status().warnings.some(({ code }) => code === "DEFAULT_PASSWORD");
  assert.equal((await users()).length, 1, "both handlers made it, and it is one");
  const { doc } = (await b.collection("users").get("1")) ?? assert.fail();
  assert.deepEqual(
    [doc.user, doc.admin, doc.defaultPassword, doc.createdAt, doc.updatedAt],
    ["admin", true, true, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z"],
  );
  for (const bus of [a, b]) await eventually("the warning", 60_000, () => warned(bus));
  const login = await a.call("users.login", { user: "ADMIN", password: "changeme" });
  assert.deepEqual([login.uid, login.admin, login.defaultPassword], [1, true, true]);

  await deployment.restartDatastore();
  await Promise.all([a, b].map((bus) => eventually("connected", 60_000, () => bus.status().state === "synced")));
  await a.caughtUp();
  assert.equal((await users()).length, 1, "a restart makes no second");
  await eventually("the warning is still there", 60_000, () => warned(a));

  await b.collection("users").patch("1", { user: "root" });
  await a.caughtUp();
  assert.ok(warned(a), "a new name is no new password");
  const raw = await asker(deployment, "raw");
  assert.equal(
    (await raw.ask("users.setPassword", { uid: 1, password: "changeme", current: "changeme", by: 1 })).code,
    undefined,
  );
  await a.caughtUp();
  assert.ok(warned(a), "nor is the same one");
  await a.call("users.setPassword", { uid: 1, password: "better", current: "changeme" }, { by: 1 });
  for (const bus of [a, b]) await eventually("the warning is gone", 60_000, () => !warned(bus));
  const again = await b.call("users.login", { user: "root", password: "better" });
  assert.deepEqual([again.uid, again.defaultPassword], [1, false]);
  for (const [user, password] of [
    ["root", "changeme"],
    ["admin", "better"],
  ] as const)
    assert.equal(await codeOf(b.call("users.login", { user, password })), "LOGIN_FAILED");

  await deployment.restartDatastore();
  await eventually("connected", 60_000, () => a.status().state === "synced");
  assert.deepEqual(
    (await users()).map(({ subject }) => subject),
    ["$KV.datastore.users.1"],
    "nor does one after a rename",
  );
});
