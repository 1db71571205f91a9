/** What every command is run with, and the one place that turns its end into an exit code. */
import { asFrontsyncError, FrontsyncError } from "../../schemas/errors.ts";
import { createOutput, type Output } from "./output.ts";
import { type Stop, Stopped } from "./signals.ts";

export interface Context {
  readonly output: Output;
  readonly stop: Stop;
}

export interface Cli {
  /** Runs one command to its end and keeps its exit code. `staysUp`: it works until a signal comes, which is then its success; a
   *  command with a job to do was interrupted. */
  run(options: { json?: boolean; staysUp: boolean }, command: (context: Context) => Promise<void>): Promise<void>;
  readonly exitCode: number;
}

/** Thrown by a command that has printed why it failed. */
export class Failed extends Error {
  override readonly name = "Failed";
}

/** A command line whose commands end at `stop`, and print to what `outputOf` makes. */
export function createCli(stop: Stop, outputOf: (json: boolean) => Output = createOutput): Cli {
  let exitCode = 0;
  return {
    get exitCode() {
      return exitCode;
    },
    async run({ json = false, staysUp }, command) {
      const output = outputOf(json);
      try {
        stop.signal.throwIfAborted();
        await command({ output, stop });
      } catch (error) {
        exitCode = await explain(error, staysUp, output);
      }
      if (stop.signal.aborted) {
        output.line("stopped");
        if (staysUp) output.figures({ event: "stopped" });
      }
    },
  };
}

async function explain(error: unknown, staysUp: boolean, output: Output): Promise<number> {
  if (error instanceof Failed) return 1;
  if (error instanceof Stopped) {
    if (staysUp) return 0;
    output.note(`frontsync: ${error.message}`);
    return error.exitCode;
  }
  const fault = asFrontsyncError(error);
  if (!(error instanceof FrontsyncError)) {
    // A fault of ours: the stack helps whoever reports it.
    const { log } = await import("../../bus/platform/log.ts");
    log.error({ err: error }, fault.message);
  }
  output.fault(fault);
  return 1;
}
