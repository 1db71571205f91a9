// Goal: an operator sees what a configuration file means before anything runs with it. Method: the built command, as an operator runs it.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { webserverId } from "../scripts/support/config/webserver-id.ts";
import { makeAuthority } from "./support/certificates.ts";
import { frontsync } from "./support/command.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const SECRET = "only the two of us know";

test("config check prints each value and where it comes from, and no secret", async (t) => {
  const file = join(temporaryFolder(t), "gravwell.conf");
  writeFileSync(
    file,
    `[Global]\nDatastore=store.example.com\nControl-Auth="${SECRET}"\nIngest-Port=4023\nDatastore-Port=1\nDatastore-Port=2\n`,
  );
  const text = await frontsync("config", "check", "--config", file);
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, new RegExp(`^Datastore +store\\.example\\.com:9405 +${file}:2$`, "m"));
  assert.match(text.stdout, /^Datastore-Sync +always +default$/m);
  assert.match(text.stdout, new RegExp(`^ {2}Ingest-Port +${file}:4$`, "m"));
  assert.match(text.stdout, new RegExp(`Datastore-Port at ${file}:5 does not count: ${file}:6 comes after it`));
  const json = await frontsync("config", "check", "--config", file, "--json");
  assert.ok(![text, json].some(({ stdout, stderr }) => (stdout + stderr).includes(SECRET)));
  const { ok, settings } = JSON.parse(json.stdout) as { ok: boolean; settings: Record<string, object> };
  assert.equal(ok, true);
  assert.deepEqual(settings["Control-Auth"], { value: "********", source: "file", place: `${file}:3` });
  assert.deepEqual(settings.Datastore, { value: ["store.example.com:9405"], source: "file", place: `${file}:2` });
});

test("config check fails with file and line", async (t) => {
  const file = join(temporaryFolder(t), "gravwell.conf");
  writeFileSync(file, "[Global]\n\tDatastor-Port = 1 # one\n");
  const { code, stderr } = await frontsync("config", "check", "--config", file);
  assert.equal(code, 1);
  assert.equal(stderr, `frontsync: BAD_CONFIG: ${file}:2: there is no setting "Datastor-Port" (did you mean Datastore-Port?).\n`);
});

test("config check --for datastore fails when the datastore would not start", async (t) => {
  const file = join(temporaryFolder(t), "gravwell.conf");
  writeFileSync(file, "[Global]\n");
  const { code, stderr } = await frontsync("config", "check", "--config", file, "--for", "datastore");
  assert.equal(code, 1);
  assert.match(stderr, /BAD_CONFIG: The datastore would listen on 0\.0\.0\.0, .*Control-Auth.*Certificate-File/);
});

test("config check --for tells what keeps a command from its start, each that one of its own", async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, "gravwell.conf");
  const { certificateFile, keyFile } = makeAuthority(folder, "web1");
  const files = `Certificate-File = ${certificateFile}\nKey-File = ${keyFile}\n`;
  const missing = `Certificate-File = ${certificateFile}\nKey-File = ${join(folder, "none.pem")}\n`;
  const check = async (user: string, text: string) => {
    writeFileSync(file, `[Global]\nControl-Auth = of our own\n${text}`);
    const { code, stdout, stderr } = await frontsync("config", "check", "--config", file, "--for", user, "--json");
    const [first = ""] = stdout.split("\n");
    assert.equal((JSON.parse(first) as { ok: boolean }).ok, code === 0);
    return [code, stderr] as const;
  };
  const cases: [user: string, text: string, refused: RegExp | undefined][] = [
    ["datastore", files, undefined],
    ["datastore", missing, /Key-File .*none\.pem can't be read/],
    ["datastore", `${files}Schema-Folder = ${join(folder, "none")}\n`, /The schema folder .*none can't be read/],
    ["webserver", `${files}External-Addr = web1\n`, undefined],
    ["webserver", files, /External-Addr .*is missing/],
    ["webserver", "External-Addr = web1\n", /users are served over HTTPS/],
    ["webserver", `${missing}External-Addr = web1\n`, /none\.pem/],
    [
      "webserver",
      `${files}External-Addr = web1\nDatastore-CA-File = none.pem\nDatastore = 10.0.0.5\n`,
      /Datastore-CA-File .*can't be read/,
    ],
    ["loadbalancer", files, undefined],
    ["loadbalancer", "", /users are served over HTTPS/],
    ["loadbalancer", `${files}Webserver-CA-File = none.pem\n`, /Webserver-CA-File .*can't be read/],
    ["client", "", undefined],
    ["client", "Datastore-CA-File = none.pem\n", /Datastore-CA-File .*can't be read/],
  ];
  for (const [user, text, refused] of cases) {
    const [code, stderr] = await check(user, text);
    assert.equal(code, refused ? 1 : 0, `${user}: ${text}\n${stderr}`);
    if (refused) assert.match(stderr, refused);
  }
});

test("a webserver's id is the configured one, or made once and kept", (t) => {
  const webserverDir = join(temporaryFolder(t), "webserver");
  assert.equal(webserverId({ webserverDir, webserverUuid: "web7" }), "web7");
  const made = webserverId({ webserverDir, webserverUuid: undefined });
  assert.equal(readFileSync(join(webserverDir, "webserver-id"), "utf8"), `${made}\n`);
  assert.equal(webserverId({ webserverDir, webserverUuid: undefined }), made);
  writeFileSync(join(webserverDir, "webserver-id"), "no id\n");
  assert.throws(() => webserverId({ webserverDir, webserverUuid: undefined }), { code: "BAD_CONFIG" });
});
