import { join } from "node:path";
import type { FetchRequest } from "./fetch.ts";
import { run } from "./run.ts";
import { PINNED_VERSION } from "./version.ts";

const TIMEOUT_MS = 600_000;

/** The binary compiled by the Go that is installed, from sources that Go checks against its checksum database. Takes minutes.
 *  Throws an Error when go is missing or fails. */
export async function fetchWithGo({ work, env, signal, timeoutMs }: FetchRequest): Promise<string> {
  // GOBIN and a foreign GOOS exclude each other; without a home Go has no place for its caches.
  const { GOOS: _os, GOARCH: _arch, ...own } = env;
  const homeless = !own.HOME;
  const caches = {
    GOPATH: own.GOPATH ?? join(work, "gopath"),
    GOCACHE: own.GOCACHE ?? join(work, "gocache"),
    GOFLAGS: `${own.GOFLAGS ?? ""} -modcacherw`.trim(),
  };
  await run("go", ["install", `github.com/nats-io/nats-server/v2@v${PINNED_VERSION}`], {
    env: { ...own, ...(homeless ? caches : {}), GOBIN: work, CGO_ENABLED: "0" },
    timeoutMs: timeoutMs ?? TIMEOUT_MS,
    signal,
  });
  return join(work, "nats-server");
}
