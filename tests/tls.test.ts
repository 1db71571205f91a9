// Goal: with TLS nobody on the way reads or changes anything, and whatever is wrong with a certificate is said with what to do.
// Method: a real nats-server with certificates that openssl makes in the test's folder; buses that trust, and such that do not.
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Bus, type BusOptions, connectBus } from "../bus/index.ts";
import { tlsFault } from "../bus/wire/tls.ts";
import { startDatastore } from "../functions/datastore.ts";
import { makeAuthority, makeCertificate } from "./support/certificates.ts";
import { deploy } from "./support/deployment.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";

const WAIT_MS = 60_000;
const NAMES = ["IP:127.0.0.1"];

async function open(t: TestContext, datastore: string, webserver: string, tls?: BusOptions["tls"]): Promise<Bus> {
  const bus = await connectBus({ datastore, webserver, dir: join(temporaryFolder(t), webserver), ...(tls && { tls }) });
  t.after(() => bus.close());
  return bus;
}

/** What the bus says of the datastore's TLS. */
async function refusal(bus: Bus): Promise<string> {
  const warning = await eventually("TLS_REFUSED", WAIT_MS, () =>
    bus.status().warnings.find(({ code }) => code === "TLS_REFUSED"),
  );
  assert.equal(bus.status().state, "degraded");
  return warning.message;
}

test("a bus reaches a datastore with a certificate that it knows to be good, and no other", async (t) => {
  const folder = temporaryFolder(t);
  const [authority, other] = [makeAuthority(folder, "authority"), makeAuthority(folder, "other")];
  const ca = readFileSync(authority.certificateFile, "utf8");
  await using deployment = await deploy({ tls: makeCertificate(folder, "datastore", authority, NAMES), sync: "default" });
  const { address } = deployment.datastore;

  const web1 = await deployment.connect("web1", { tls: { ca } });
  const { revision } = await web1.collection("dashboards").put({ id: "d", name: "D" });
  assert.ok(revision);
  // Also by an address that is no name, where the server is the one that asks for TLS.
  assert.match(
    await refusal(await open(t, address, "web2")),
    /Nobody known here has signed its certificate: give .*Datastore-CA-File/,
  );
  const wrong = await open(t, address, "web3", { ca: readFileSync(other.certificateFile, "utf8") });
  assert.match(await refusal(wrong), /Nobody known here has signed its certificate/);
  const elsewhere = await open(t, address.replace("127.0.0.1", "localhost"), "web4", { ca });
  assert.match(await refusal(elsewhere), /Its certificate is for another name/);
  const blind = await open(t, address, "web5", { skipVerify: true });
  await blind.caughtUp(revision);
  assert.equal((await blind.collection("dashboards").get("d"))?.doc.name, "D");
});

test("a bus that asks for TLS does not speak with a datastore that has none", async (t) => {
  await using deployment = await deploy({ sync: "default" });
  const { address } = deployment.datastore;
  assert.match(await refusal(await open(t, address, "web1", {})), /It does not speak TLS: give it Certificate-File and Key-File/);
});

test("an expired certificate is told, and a new one is taken without a restart", async (t) => {
  const folder = temporaryFolder(t);
  const authority = makeAuthority(folder, "authority");
  const tls = makeCertificate(folder, "datastore", authority, NAMES, -1);
  await using deployment = await deploy({ tls, sync: "default" });
  const bus = await open(t, deployment.datastore.address, "web1", { ca: readFileSync(authority.certificateFile, "utf8") });
  assert.match(await refusal(bus), /Its certificate has expired: renew it/);

  const renewed = makeCertificate(folder, "renewed", authority, NAMES);
  copyFileSync(renewed.certificateFile, tls.certificateFile);
  assert.throws(() => deployment.datastore.reload(), { code: "BAD_CONFIG", message: /is not the key of/ });
  copyFileSync(renewed.keyFile, tls.keyFile);
  assert.equal(deployment.datastore.reload(), true);
  assert.equal(deployment.datastore.reload(), false, "it is the same one");
  await bus.caughtUp(null, { timeoutMs: WAIT_MS });
  assert.deepEqual(
    bus.status().warnings.filter(({ code }) => code === "TLS_REFUSED"),
    [],
  );
});

test("handlers that reach NATS by TLS serve again after it was killed", async (t) => {
  const folder = temporaryFolder(t);
  const authority = makeAuthority(folder, "authority");
  await using deployment = await deploy({ tls: makeCertificate(folder, "datastore", authority, NAMES), sync: "default" });
  const { pids } = deployment.datastore;
  const web1 = await deployment.connect("web1", { tls: { ca: readFileSync(authority.certificateFile, "utf8") } });
  for (const id of ["once", "twice"]) {
    process.kill(deployment.datastore.pids.natsServer ?? 0, "SIGKILL");
    await eventually("degraded", WAIT_MS, () => web1.status().state === "degraded");
    await eventually("synced", WAIT_MS, () => web1.status().state === "synced");
    const { revision } = await web1.collection("dashboards").put({ id, name: id }, { timeoutMs: WAIT_MS });
    assert.ok(revision, "it is stored");
  }
  assert.deepEqual(deployment.datastore.pids.handlers, pids.handlers, "by the same processes");
});

test("a certificate that can't be used is refused before anything starts", async (t) => {
  const dir = temporaryFolder(t);
  const [one, two] = [makeAuthority(dir, "one"), makeAuthority(dir, "two")];
  const text = join(dir, "text");
  writeFileSync(text, "no certificate\n");
  for (const [tls, message] of [
    [{ ...one, certificateFile: join(dir, "missing") }, /^Certificate-File .*missing can't be read: ENOENT/],
    [{ ...one, certificateFile: text }, /^Certificate-File .*text is not a certificate \(PEM\)/],
    [{ ...one, keyFile: text }, /^Key-File .*text is not a private key without a password \(PEM\)/],
    [{ ...one, keyFile: two.keyFile }, /^Key-File .*two\.key is not the key of Certificate-File .*one\.pem/],
  ] as const)
    await assert.rejects(startDatastore({ dir: join(dir, "data"), port: 0, tls }), { code: "BAD_CONFIG", message });
});

test("the option of a bus is checked", async (t) => {
  const dir = temporaryFolder(t);
  for (const tls of [true, null, { ca: "/etc/ca.pem" }, { ca: "-----BEGIN CERTIFICATE-----\nx" }, { skipVerify: "yes" }])
    await assert.rejects(connectBus({ datastore: "a", webserver: "web1", dir, tls: tls as never }), {
      code: "BAD_CONFIG",
      message: /^`tls/,
    });
  assert.equal(tlsFault(new Error("something else")), undefined);
  assert.equal(tlsFault(undefined), undefined);
});
