/** How a command learns that it should end. */
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** npm passes a Ctrl-C on to its child, which got it from the terminal already. Nobody presses it twice this fast. */
const NPM_ECHO_MS = 500;
const PARENT_LOOK_MS = 250;

/** The reason of an aborted `Stop`: which signal it was. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  readonly by: NodeJS.Signals;

  constructor(by: NodeJS.Signals) {
    super(`Interrupted by ${by}.`);
    this.by = by;
  }

  /** What a shell reports for a program that a signal ended. */
  get exitCode(): number {
    return 128 + constants.signals[this.by];
  }
}

export interface Stop {
  /** Aborts with a `Stopped` at the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Resolves then; never rejects. */
  readonly requested: Promise<void>;
  /** From here on SIGHUP calls `reload` instead, as a service's users expect; returns the end of that. A terminal that is closed sends it too:
   *  so only for what has a configuration file to read again. */
  onHangup(reload: () => void): () => void;
}

/** Takes over SIGINT, SIGTERM and SIGHUP for the rest of the process's life. The first one aborts `signal`; a Ctrl-C after that ends
 *  the process at once. Call it once, before anything is started that needs a clean end. */
export function watchForStop(): Stop {
  const controller = new AbortController();
  const underNpm = process.env.npm_execpath !== undefined;
  let firstAt: number | undefined;
  let hangup: (() => void) | undefined;
  const onSignal = (name: NodeJS.Signals) => {
    if (name === "SIGHUP" && hangup && firstAt === undefined) hangup();
    else if (firstAt === undefined) {
      firstAt = performance.now();
      controller.abort(new Stopped(name));
    } else if (name === "SIGINT" && !(underNpm && performance.now() - firstAt < NPM_ECHO_MS)) {
      process.exit(new Stopped(name).exitCode);
    }
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  if (underNpm) {
    watchParent(() => {
      hangup = undefined;
      onSignal("SIGHUP");
    });
  }
  const requested = new Promise<void>((resolve) => controller.signal.addEventListener("abort", () => resolve(), { once: true }));
  const onHangup = (reload: () => void) => {
    hangup = reload;
    return () => {
      hangup = undefined;
    };
  };
  return { signal: controller.signal, requested, onHangup };
}

/** npm runs us through a shell, which a SIGTERM to npm ends without a word to us: we would stay up with nobody to stop us. */
function watchParent(onGone: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, PARENT_LOOK_MS);
  timer.unref();
}
