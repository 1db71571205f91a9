// Goal: an existing gravwell.conf works as it is; each setting comes from the source that counts; a fault names its file and line.
// Method: files in the form of the product's documentation, in temporary folders, with made-up environments and flags.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type ConfigSources, loadConfig, readConfig } from "../scripts/support/config/index.ts";
import { DECLARATIONS, KEY_NAMES, variablesOf } from "../scripts/support/config/keys/index.ts";
import { listeningOf } from "../scripts/support/config/listening.ts";
import { INSTEAD, OTHERS } from "../scripts/support/config/product-keys.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

/** As an installation has it: for several programs, with tabs, comments at the ends of lines, and sections that are not ours. */
const EXISTING = `[global]
### Authentication tokens
Ingest-Auth=IngestSecrets
Control-Auth=ControlSecrets2
Search-Agent-Auth=SearchAgentSecrets

### Web server HTTP/HTTPS settings
Web-Port=80
Insecure-Disable-HTTPS=true

### Other web server settings
Remote-Indexers=net:127.0.0.1:9404
Persist-Web-Logins=True
Session-Timeout-Minutes=1440
Login-Fail-Lock-Count=4
Datastore=10.0.0.5:9405
External-Addr=10.0.0.1:443
Datastore-Listen-Address=10.0.0.5\t# listen only on 10.0.0.5
Datastore-Port=9555\t\t\t\t\t# listen on port 9555 instead of 9405
Log-Level=WARN
Webserver-UUID="ecdeeff8-8382-48f1-a24f-79f83af00e97"

### Paths
User-DB-Path=/opt/gravwell/etc/users.db

[Default-Well]
\tLocation=/opt/gravwell/storage/default/
\tAccelerator-Name=fulltext #fulltext is the most resilient to varying data types

[Storage-Well "syslog"]
\tTags=syslog
\tTags=kernel
\tAccelerator-Args="-ignoreTS" #easy to ID
`;

function fileOf(t: TestContext, text: string): string {
  const file = join(temporaryFolder(t), "gravwell.conf");
  writeFileSync(file, text);
  return file;
}

function load(t: TestContext, text: string, sources: ConfigSources = {}) {
  return loadConfig({ env: {}, ...sources, file: fileOf(t, text) });
}

describe("the settings", () => {
  test("are those of an existing file", (t) => {
    const settings = load(t, EXISTING, { user: "webserver" });
    const { controlAuth, webPort, insecureDisableHttps, sessionTimeoutMinutes, loginFailLockCount, datastore, externalAddr } =
      settings;
    assert.deepEqual(
      { controlAuth, webPort, insecureDisableHttps, sessionTimeoutMinutes, loginFailLockCount, datastore, externalAddr },
      {
        controlAuth: "ControlSecrets2",
        webPort: 80,
        insecureDisableHttps: true,
        sessionTimeoutMinutes: 1440,
        loginFailLockCount: 4,
        datastore: ["10.0.0.5:9405"],
        externalAddr: "10.0.0.1:443",
      },
    );
    const { datastoreListenAddress, datastorePort, logLevel, webserverUuid } = settings;
    assert.deepEqual(
      { datastoreListenAddress, datastorePort, logLevel, webserverUuid },
      {
        datastoreListenAddress: "10.0.0.5",
        datastorePort: 9555,
        logLevel: "warn",
        webserverUuid: "ecdeeff8-8382-48f1-a24f-79f83af00e97",
      },
    );
  });

  test("that are for other programs are known, with what stands for them here", (t) => {
    const { file } = readConfig({ file: fileOf(t, EXISTING), env: {} });
    const named = file?.unused.map(({ name, instead }) => (instead === undefined ? name : `${name}: ${instead}`));
    assert.deepEqual(named, [
      "Ingest-Auth",
      "Search-Agent-Auth",
      "Remote-Indexers",
      "Persist-Web-Logins",
      "User-DB-Path: Webserver-Dir has the users.db of this webserver",
      "[Default-Well]",
      "[Storage-Well]",
    ]);
  });

  test("of a load balancer: its own names, and fixed webservers", (t) => {
    const { controlAuth, datastoreUpdateInterval, webListenAddress, webPort, overrides } = load(
      t,
      `[Global]
Disable-HTTP-Redirector=true
Insecure-Disable-HTTPS=true
Update-Interval=30
Bind-Addr=127.0.0.1
Control-Secret=a secret of ours
[Overrides "example1"]
\tWebserver=172.19.0.100
\tInsecure-Disable-HTTPS=true
[override "example2"]
\tWebserver=172.19.0.101:8443
`,
    );
    assert.deepEqual(
      { controlAuth, datastoreUpdateInterval, webListenAddress, webPort },
      { controlAuth: "a secret of ours", datastoreUpdateInterval: 30, webListenAddress: "127.0.0.1", webPort: 80 },
    );
    assert.deepEqual(
      overrides.map(({ place: _, ...override }) => override),
      [
        { name: "example1", webserver: "172.19.0.100", insecureDisableHttps: true, insecureSkipTlsVerify: false },
        { name: "example2", webserver: "172.19.0.101:8443", insecureDisableHttps: false, insecureSkipTlsVerify: false },
      ],
    );
  });

  test("of where users are served: HTTPS but on loopback, and beside its usual port the one that sends users to it", (t) => {
    const at = (text: string) => listeningOf(load(t, `[Global]\n${text}`));
    const tls = "Key-File=/k\nCertificate-File=/c\n";
    const files = { keyFile: "/k", certificateFile: "/c" };
    assert.deepEqual(at(tls), { listen: "0.0.0.0", port: 443, ...files, redirectPort: 80 });
    assert.deepEqual(at(`${tls}Web-Port=8443`), { listen: "0.0.0.0", port: 8443, ...files });
    assert.deepEqual(at(`${tls}Web-Port=8443\nHTTP-Redirector-Port=8080`).redirectPort, 8080);
    assert.deepEqual(at(`${tls}Disable-HTTP-Redirector=yes`).redirectPort, undefined);
    assert.deepEqual(at(`${tls}Insecure-Disable-HTTPS=yes`), { listen: "0.0.0.0", port: 80 });
    assert.deepEqual(at("Bind-Addr=localhost\nWeb-Port=8080"), { listen: "localhost", port: 8080 });
    assert.deepEqual(at("Bind-Addr=localhost\nKey-File=/k").keyFile, "/k", "what is half there is not left out");
    assert.throws(() => at(""), { code: "BAD_CONFIG", message: /^On 0\.0\.0\.0 users are served over HTTPS: set Key-File and/ });
  });

  test("repeated make a list, or the last one counts", (t) => {
    const { datastore, datastorePort } = load(
      t,
      "[Global]\nDatastore=a\nDatastore=b:1, [::1]:2\nDatastore-Port=1\nDatastore-Port=2",
    );
    assert.deepEqual([datastore, datastorePort], [["a:9405", "b:1", "[::1]:2"], 2]);
  });

  test("of limits and proxies have keys, too", (t) => {
    const file = `[Global]
Trusted-Proxies=10.0.0.20, 10.1.0.0/16
Trusted-Proxies=fd00::/8
Logins-Per-Minute=7
Drain-Seconds=20
Resource-Outbox-Max-Size=1000000
Resource-Grace-Seconds=0.5
Tombstone-Keep-Seconds=0
Tombstone-Away-Seconds=3600
Deletion-Fuse-Share=0.5
Deletion-Fuse-Documents=5
Disable-Deletion-Fuse=yes
Max-Search-History=250
`;
    const settings = load(t, file);
    const { trustedProxies, loginsPerMinute, drainSeconds, resourceOutboxMaxSize } = settings;
    assert.deepEqual(
      { trustedProxies, loginsPerMinute, drainSeconds, resourceOutboxMaxSize },
      {
        trustedProxies: ["10.0.0.20", "10.1.0.0/16", "fd00::/8"],
        loginsPerMinute: 7,
        drainSeconds: 20,
        resourceOutboxMaxSize: 1_000_000,
      },
    );
    const { resourceGraceSeconds, tombstoneKeepSeconds, tombstoneAwaySeconds, maxSearchHistory } = settings;
    assert.deepEqual(
      { resourceGraceSeconds, tombstoneKeepSeconds, tombstoneAwaySeconds, maxSearchHistory },
      { resourceGraceSeconds: 0.5, tombstoneKeepSeconds: 0, tombstoneAwaySeconds: 3600, maxSearchHistory: 250 },
    );
    const { deletionFuseShare, deletionFuseDocuments, disableDeletionFuse } = settings;
    assert.deepEqual([deletionFuseShare, deletionFuseDocuments, disableDeletionFuse], [0.5, 5, true]);
    for (const bad of ["10.0.0.0/33", "proxy.example.com", "::/129", "1.2.3.4/8/8", "/8"])
      assert.throws(() => load(t, `[Global]\nTrusted-Proxies=${bad}`), /:2: Trusted-Proxies must be an address or a network/);
  });

  test("that say yes or no take every way to say it", (t) => {
    for (const [text, meant] of Object.entries({
      "=true": true,
      "= YES": true,
      "=on": true,
      "=1": true,
      "": true,
      "=no": false,
      "=Off": false,
      "=0": false,
      "=": false,
    }))
      assert.equal(load(t, `[Global]\nInsecure-Disable-HTTPS${text}`).insecureDisableHttps, meant, text);
  });

  test("come from a flag before the file, the file before the environment, the environment before the default", (t) => {
    const env = { GRAVWELL_DATASTORE_LISTEN_PORT: "3", GRAVWELL_LOG_LEVEL: "DEBUG", GRAVWELL_DATASTORE: "x,y:1" };
    const file = fileOf(t, "[Global]\nDatastore-Port=2\nDatastore-Handlers=2\nLog-Level=");
    const { values, origins } = readConfig({ file, env, flags: { datastoreHandlers: 4 } });
    const { datastoreHandlers, datastorePort, logLevel, datastore, datastoreSync } = values;
    assert.deepEqual(
      [datastoreHandlers, datastorePort, logLevel, datastore, datastoreSync],
      [4, 2, "debug", ["x:9405", "y:1"], "always"],
    );
    assert.deepEqual(origins.datastoreHandlers, { source: "flag", place: "--handlers" });
    assert.deepEqual(origins.datastorePort, { source: "file", place: `${file}:2` });
    assert.deepEqual(origins.logLevel, { source: "environment", place: "GRAVWELL_LOG_LEVEL" });
    assert.deepEqual(origins.datastoreSync, { source: "default" });
  });

  test("come from the file that a variable with _FILE names", (t) => {
    const file = join(temporaryFolder(t), "secret");
    writeFileSync(file, "from a file\n");
    assert.equal(loadConfig({ env: { GRAVWELL_CONTROL_AUTH_FILE: file } }).controlAuth, "from a file");
    assert.throws(
      () => loadConfig({ env: { GRAVWELL_CONTROL_AUTH_FILE: `${file}-not` } }),
      /^FrontsyncError: GRAVWELL_CONTROL_AUTH_FILE: the file .* can't be read/,
    );
    assert.throws(() => loadConfig({ env: { GRAVWELL_CONTROL_AUTH_FILE: file, GRAVWELL_CONTROL_AUTH: "x" } }), {
      code: "BAD_CONFIG",
      message: /GRAVWELL_CONTROL_AUTH: .* Unset one/,
    });
  });

  test("without a file are safe on loopback; with one the datastore listens everywhere, as the product does", (t) => {
    assert.equal(loadConfig({ env: {} }).datastoreListenAddress, "127.0.0.1");
    assert.equal(load(t, "[Global]\n").datastoreListenAddress, "0.0.0.0");
    assert.deepEqual(loadConfig({ env: {} }).datastore, ["127.0.0.1:9405"]);
    assert.deepEqual(load(t, "[Global]\nDatastore-Listen-Address=::1\nDatastore-Port=7").datastore, ["[::1]:7"]);
  });

  test("that are paths begin at the file's folder", (t) => {
    const file = fileOf(t, "[Global]\nKey-File=tls/key.pem\nCertificate-File=/etc/cert.pem");
    const { keyFile, certificateFile } = loadConfig({ file, env: {} });
    assert.deepEqual([keyFile, certificateFile], [join(file, "../tls/key.pem"), "/etc/cert.pem"]);
  });

  for (const [text, message] of [
    ["[Global]\nDatastor-Port=1", /:2: there is no setting "Datastor-Port" \(did you mean Datastore-Port\?\)\.$/],
    ["[Global]\nSomething-Else=1", /:2: there is no setting "Something-Else"\.$/],
    ["[Glob]\nDatastore=a", /:1: there is no section "Glob" \(did you mean Global\?\)\.$/],
    ['[Global "x"]', /:1: \[Global\] has no name/],
    ["[Global]\n\nDatastore-Port=70000", /:3: Datastore-Port must be a whole number from 0 to 65535, not "70000"\.$/],
    ["[Global]\nDatastore-Update-Interval=0", /:2: Datastore-Update-Interval must be a number from 0\.1 to 3600/],
    ["[Global]\nDatastore=a\nDatastore=b c", /:3: Datastore must be host, host:port or \[IPv6\]:port, not "b c"\.$/],
    ["[Global]\nInsecure-Disable-HTTPS=maybe", /:2: Insecure-Disable-HTTPS must be true or false/],
    ["[Global]\nExternal-Addr=web1:70000", /:2: External-Addr must be host or host:port, not "web1:70000"\.$/],
    ["[Global]\nExternal-Addr=[::1]:0", /:2: External-Addr must be host or host:port/],
    ["[Global]\nDatastore-Port", /:2: "Datastore-Port" needs a value/],
    ["[Global]\nLog-Level=loud", /:2: Log-Level must be one of trace, debug, info, warn, error, off, not "loud"\.$/],
    ["[Override]\nWebserver=a", /:1: \[Override\] needs a name/],
    ['[Override "a"]\nInsecure-Disable-HTTPS', /:1: \[Override "a"\] needs Webserver/],
    ['[Override "a"]\nWebservr=b', /:2: there is no setting "Webservr" in \[Override\] \(did you mean Webserver\?\)/],
  ] as const) {
    test(`refuse ${JSON.stringify(text)}`, (t) => {
      assert.throws(() => load(t, text), { code: "BAD_CONFIG", message });
    });
  }

  test("of a webserver with a datastore say where it is", (t) => {
    assert.throws(() => load(t, "[Global]\nDatastore=a", { user: "webserver" }), {
      code: "BAD_CONFIG",
      message: /:2: .* External-Addr/,
    });
    assert.equal(load(t, "[Global]\n", { user: "webserver" }).externalAddr, undefined);
  });

  test("a secret is in no message", (t) => {
    const long = "x".repeat(2000);
    for (const sources of [{ file: fileOf(t, `[Global]\nControl-Auth=${long}`) }, { env: { GRAVWELL_CONTROL_AUTH: long } }])
      assert.throws(
        () => loadConfig({ env: {}, ...sources }),
        (error: Error) => !error.message.includes("xxx"),
      );
  });

  test("are declared without two of one name, variable or flag", () => {
    const names = KEY_NAMES.flatMap((key) => [DECLARATIONS[key].name, ...(DECLARATIONS[key].aliases ?? [])]);
    for (const list of [
      [...names, ...OTHERS, ...Object.keys(INSTEAD)].map((name) => name.toLowerCase()),
      KEY_NAMES.flatMap((key) => variablesOf(DECLARATIONS[key])),
    ])
      assert.equal(new Set(list).size, list.length);
    const flags = KEY_NAMES.flatMap((key) => DECLARATIONS[key].usedBy.map((user) => `${user} --${DECLARATIONS[key].flag}`));
    assert.equal(new Set(flags).size, flags.length);
  });
});
