// Goal: an admin takes a backup with a browser, and brings it back; nobody else gets at one. Method: a webserver whose backups are the commands, as
// `frontsync webserver` has them.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Webserver } from "../apps/webserver/index.ts";
import { commandBackups } from "../scripts/support/webserver/backups.ts";
import { CONTROL_AUTH, deploy } from "./support/deployment.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { Client, webservers } from "./support/webservers.ts";

test("admins make backups and restore them, and others do not", async () => {
  await using web = await webservers(1);
  const [server] = web.servers as [Webserver];
  await web.user("anna");
  const [anna, admin] = [new Client(server), new Client(server)];
  await anna.login("anna");
  await admin.login("admin", "changeme");
  const made = await anna.ask("POST", "/api/dashboards", { name: "Operations" });

  const form = (text: string) => {
    const data = new FormData();
    data.append("file", new Blob([text]));
    return data;
  };
  for (const [method, body] of [["GET"], ["POST", form("x")]] as const)
    assert.equal((await anna.ask(method, "/api/backup", body)).status, 403);

  const password = { "frontsync-backup-password": encodeURIComponent("größer") };
  const plain = String((await admin.ask("GET", "/api/backup")).body.text);
  assert.ok(plain.includes("Operations") && plain.includes('"hash"'));
  const { items: keys } = await server.bus.collection("signingkeys").list();
  assert.ok(keys.length > 0 && keys.every(({ doc }) => doc.key !== undefined && !plain.includes(doc.key)), "no keys of sessions");
  assert.ok(!String((await admin.ask("GET", "/api/backup?omitSecrets=true")).body.text).includes('"hash"'));
  const encrypted = await admin.with(password).ask("GET", "/api/backup");
  assert.deepEqual([encrypted.status, String(encrypted.body.text).includes("Operations")], [200, false]);

  const restored = await admin.ask<{ ok: boolean; records: number }>("POST", "/api/backup?dryRun=true", form(plain));
  assert.equal(restored.status, 200, JSON.stringify(restored.body));
  assert.ok(restored.body.ok && restored.body.records > 3);
  for (const bad of [plain.slice(0, -20), "", "{}"]) {
    const answer = await admin.ask("POST", "/api/backup", form(bad));
    assert.deepEqual([answer.status, answer.body.code], [422, "BACKUP_DAMAGED"], JSON.stringify(answer.body));
  }
  assert.equal((await admin.ask("GET", "/api/backup?omitSecrets=perhaps")).status, 400);
  assert.equal((await admin.ask("POST", "/api/backup", {})).status, 400);
  assert.equal((await anna.ask("GET", `/api/dashboards/${made.body.id}`)).status, 200);
  const left = () => readdirSync(join(web.deployment.dir, "web1", "backups")).length;
  await eventually("nothing of them stays", 60_000, () => left() === 0);
});

test("a restore that replaces brings back what is in the backup, deletes what is not, and ends every session", async () => {
  await using web = await webservers(2);
  const [a, b] = web.servers as [Webserver, Webserver];
  await web.user("anna");
  const [anna, admin] = [new Client(a), new Client(a)];
  await anna.login("anna");
  await admin.login("admin", "changeme");
  const make = async (name: string) => String((await anna.ask("POST", "/api/dashboards", { name })).body.id);
  const [kept, deleted] = [await make("Kept"), await make("Deleted")];
  const backup = String((await admin.ask("GET", "/api/backup")).body.text);

  await anna.ask("PATCH", `/api/dashboards/${kept}`, { name: "Changed" });
  await anna.ask("DELETE", `/api/dashboards/${deleted}`);
  const later = await make("Later");
  const form = new FormData();
  form.append("file", new Blob([backup]));
  assert.equal((await admin.ask("POST", "/api/backup?mode=perhaps", form)).status, 400);
  const restored = await admin.ask<{ ok: boolean }>("POST", "/api/backup?mode=replace", form);
  assert.deepEqual([restored.status, restored.body.ok], [200, true], JSON.stringify(restored.body));

  for (const server of [a, b]) {
    await server.bus.caughtUp(null, { timeoutMs: 60_000 });
    assert.equal((await anna.at(server).ask("GET", "/api/users/me")).status, 401, "its session is over everywhere");
    const again = new Client(server);
    const found = async (id: string) => {
      const { status, body } = await again.ask("GET", `/api/dashboards/${id}`);
      return status === 200 ? body.name : status;
    };
    assert.equal((await again.login("anna")).status, 200);
    assert.deepEqual([await found(kept), await found(deleted), await found(later)], ["Kept", "Deleted", 404]);
  }
});

test("a secret that the webserver has from a file, or that its configuration overrules, is not in the way of its backups", async (t) => {
  const dir = temporaryFolder(t);
  const secret = join(dir, "secret");
  writeFileSync(secret, "not the one that counts\n");
  const before = { ...process.env };
  t.after(() => {
    process.env = before;
  });
  await using deployment = await deploy({ sync: "default" });
  const backups = commandBackups({ datastore: deployment.datastore.address, controlAuth: CONTROL_AUTH });
  for (const name of ["FRONTSYNC_CONTROL_AUTH_FILE", "GRAVWELL_CONTROL_AUTH_FILE", "GRAVWELL_CONTROL_AUTH"]) {
    process.env = { ...before, [name]: secret };
    const file = join(dir, name);
    await backups.write(file, { password: undefined, omitSecrets: false, signal: new AbortController().signal });
    assert.match(readFileSync(file, "utf8"), /"seal"/, name);
  }
});
