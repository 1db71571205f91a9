import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { clock } from "../../bus/platform/clock.ts";
import { makeFolder } from "../../bus/platform/files.ts";
import { random } from "../../bus/platform/random.ts";
import { PINNED_VERSION, readVersion } from "./version.ts";

const STALE_MS = 60 * 60 * 1000;
const PREFIX = ".nats-server-";

/** The folders in which a fetched nats-server may lie, best first: the one given, or the user's cache folder (XDG_CACHE_HOME or
 *  ~/.cache, ~/Library/Caches on macOS) and, for users without a home, a folder of their own in the system's temporary one. */
export function cacheFolders(env: NodeJS.ProcessEnv, given?: string): string[] {
  if (given !== undefined) return [given];
  const folders: string[] = [];
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) folders.push(join(env.XDG_CACHE_HOME, "frontsync"));
  else if (env.HOME && isAbsolute(env.HOME)) {
    folders.push(join(env.HOME, process.platform === "darwin" ? "Library/Caches" : ".cache", "frontsync"));
  }
  return [...folders, join(env.TMPDIR || tmpdir(), `frontsync-${process.getuid?.() ?? "cache"}`)];
}

/** Where the pinned version for this machine lies in a cache folder. */
export function cachedBinary(cache: string): string {
  return join(cache, `nats-server-${PINNED_VERSION}-${process.platform}-${process.arch}`, "nats-server");
}

/** The path of the cached binary when it is whole: its checksum is the one that was written beside it, and it prints the pinned
 *  version. A partial, changed or foreign file gives undefined, and is replaced by the next fetch. */
export async function readCache(cache: string, signal?: AbortSignal): Promise<string | undefined> {
  const binary = cachedBinary(cache);
  try {
    if (!(await isOurs(cache))) return undefined;
    const expected = (await readFile(`${binary}.sha256`, "utf8")).trim();
    if ((await sha256(binary)) !== expected) return undefined;
    return (await readVersion(binary, { signal })) === PINNED_VERSION ? binary : undefined;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** Makes the first of these folders that can be written, with a new folder for one fetch in it, and removes what killed fetches
 *  left there more than an hour ago. Throws an Error that names each folder and why it is of no use. */
export async function openCache(folders: readonly string[]): Promise<{ cache: string; work: string }> {
  const faults: string[] = [];
  for (const cache of folders) {
    try {
      makeFolder(cache);
      if (!(await isOurs(cache))) throw new Error("it belongs to somebody else, or others may write in it");
      const work = join(cache, `${PREFIX}${process.pid}-${random.bytes(4).toString("hex")}`);
      await mkdir(work, { mode: 0o700 });
      await removeStale(cache);
      return { cache, work };
    } catch (error) {
      faults.push(`${cache}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`no folder to keep it in (${faults.join("; ")})`);
}

/** Puts a fetched binary into the cache, as one rename of a folder, so that nobody ever sees half of it; returns its path there.
 *  Of two processes that do it at once one wins, and the other takes what the winner put there. Throws an Error when the file
 *  is not a nats-server of the pinned version that runs on this machine. */
export async function install(cache: string, fetched: string, work: string, signal?: AbortSignal): Promise<string> {
  await chmod(fetched, 0o755);
  const version = await readVersion(fetched, { signal });
  if (version !== PINNED_VERSION) throw new Error(`it is version ${version}, not ${PINNED_VERSION}`);
  const ready = join(work, "ready");
  await mkdir(ready);
  await rename(fetched, join(ready, "nats-server"));
  await writeFile(join(ready, "nats-server.sha256"), `${await sha256(join(ready, "nats-server"))}\n`);
  const folder = join(cachedBinary(cache), "..");
  for (let attempt = 0; ; attempt++) {
    try {
      await rename(ready, folder);
      return cachedBinary(cache);
    } catch (error) {
      const present = await readCache(cache, signal);
      if (present !== undefined) return present;
      if (attempt === 3) throw error;
      await rename(folder, join(work, `corrupt-${attempt}`)).catch(() => {});
    }
  }
}

/** sha-256 of a file, in hex. */
export async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** A program is run from here, so nobody else may be able to put one there: the temporary folder is everybody's, and a symbolic
 *  link in it may be anybody's. */
async function isOurs(cache: string): Promise<boolean> {
  const owners = [process.getuid?.(), 0];
  const [link, folder] = [await lstat(cache), await stat(cache)];
  return owners.includes(link.uid) && owners.includes(folder.uid) && folder.isDirectory() && (folder.mode & 0o002) === 0;
}

async function removeStale(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(cache, name);
    const entry = await stat(path).catch(() => undefined);
    if (entry !== undefined && clock.now() - entry.mtimeMs > STALE_MS)
      await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}
