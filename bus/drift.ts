/** Compares what the replica has at its position with what it should have there. What differs is read anew; what differs still is said. */
import { log } from "./platform/log.ts";

const NO_DIGEST = "0".repeat(32);

export interface DriftParts {
  webserver: string;
  warn(code: string, message: string | undefined): void;
  /** Reads everything anew. */
  resync(): void;
}

export class Drift {
  readonly #parts: DriftParts;
  /** A resynchronisation has been tried for this difference. */
  #found = false;

  constructor(parts: DriftParts) {
    this.#parts = parts;
  }

  /** Digests by collection; one without a digest is empty. */
  compare(expected: Readonly<Record<string, string>>, given: Readonly<Record<string, string>>): void {
    const { webserver, warn, resync } = this.#parts;
    const names = Object.keys({ ...expected, ...given });
    const different = names.filter((name) => (expected[name] ?? NO_DIGEST) !== (given[name] ?? NO_DIGEST));
    const differs = different.length > 0 && Object.keys(given).length > 0;
    const again = differs && this.#found;
    this.#found = differs;
    const said = `The replica still differs from the datastore in ${different.join(", ")} after a resynchronisation. Nothing was deleted.`;
    warn("DIVERGED", again ? said : undefined);
    if (differs) log.error({ webserver, different }, "the replica differs from the datastore");
    if (differs && !again) resync();
  }
}
