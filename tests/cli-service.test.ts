// Goal: a datastore that other machines reach is safe or does not start; as a service it says when it serves, and reads its settings again.
// Method: the built command with a configuration file and real TLS; a stand-in for systemd-notify writes down what it is told.
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeAuthority, makeCertificate } from "./support/certificates.ts";
import { frontsync } from "./support/command.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { runningDatastore } from "./support/running.ts";
import { systemdTold } from "./support/systemd-told.ts";

const WAIT_MS = 60_000;
const SECRET = "only the two of us know";

test("off loopback a datastore does not start without a secret of its own and TLS, and says what to do", async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, "frontsync.conf");
  const start = async (text: string) => {
    writeFileSync(file, `[Global]\nDatastore-Dir = ${folder}/data\nDatastore-Port = 0\n${text}\n`);
    const { code, stderr } = await frontsync("datastore", "--config", file);
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      /^frontsync: BAD_CONFIG: The datastore would listen on [^\n]+ Datastore-Listen-Address = 127\.0\.0\.1\.\n$/,
    );
    return stderr;
  };
  for (const text of ["", "Control-Auth = ControlSecrets", "Datastore-Insecure-Disable-TLS"])
    assert.match(await start(text), /set Control-Auth to one of your own/);
  const noTls = await start(`Control-Auth = ${SECRET}\nDatastore-Listen-Address = ::`);
  assert.match(
    noTls,
    /listen on ::, and there is no TLS: set Certificate-File and Key-File; or, .* Datastore-Insecure-Disable-TLS = true/,
  );
  assert.doesNotMatch(noTls, /set Control-Auth/);
  assert.match(await start(`Control-Auth = ${SECRET}\nKey-File = key.pem`), /Key-File needs Certificate-File beside it/);
  assert.ok(!existsSync(join(folder, "data")), "nothing was begun");
});

test("a service with a configuration file: TLS, readiness, and SIGHUP", async (t) => {
  const folder = temporaryFolder(t);
  const authority = makeAuthority(folder, "authority");
  makeCertificate(folder, "datastore", authority, ["IP:127.0.0.1"]);
  const { env, says } = systemdTold(folder);
  const file = join(folder, "frontsync.conf");
  const write = (more: string) =>
    writeFileSync(
      file,
      `[global]\nControl-Auth = "${SECRET}" # secret\nDatastore-Listen-Address=0.0.0.0\nKey-File = datastore.key\nCertificate-File=datastore.pem\nDatastore-CA-File=authority.pem\n${more}`,
    );
  write("");
  const datastore = await runningDatastore(t, ["--config", file, "--port", "0", "--dir", join(folder, "data")], env);
  const { address, child } = datastore;
  await says(/^--ready --status=serving on /m);
  await says(/^WATCHDOG=1$/m);

  const status = await frontsync("status", "--config", file, "--datastore", address);
  assert.equal(status.code, 0, status.stderr);
  const stranger = await frontsync("status", "--datastore", address, "--control-auth-file", join(folder, "told"));
  assert.match(
    stranger.stderr,
    /DATASTORE_UNREACHABLE: .*The datastore is not trusted\. Nobody known here has signed its certificate/,
  );

  const reloads = () => datastore.lines().filter(({ event }) => event === "reloaded");
  write("Log-Level=debug\nDatastore-Handlers=2\n");
  child.kill("SIGHUP");
  await eventually("the settings are read again", WAIT_MS, () => reloads().length === 1);
  assert.deepEqual(reloads()[0], { event: "reloaded", changed: ["Log-Level"], needRestart: ["Datastore-Handlers"] });
  write("Datastor = x\n");
  child.kill("SIGHUP");
  await eventually("the fault is told", WAIT_MS, () =>
    /BAD_CONFIG: [^\n]*frontsync\.conf:7: there is no setting "Datastor"/.test(datastore.notes()),
  );
  assert.match(datastore.notes(), /What was read before stays\./);
  assert.equal(child.exitCode, null);

  child.kill("SIGTERM");
  assert.equal(await datastore.ended, 0);
  await says(/^STOPPING=1$/m);
});
