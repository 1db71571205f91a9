/** What a command prints: text for people, or JSON lines for programs; errors in one form everywhere. */
import * as util from "node:util";
import { FrontsyncError } from "../../schemas/errors.ts";

type Style = Parameters<typeof util.styleText>[0];

export interface Output {
  readonly json: boolean;
  /** A line for people on stdout; nothing with --json. */
  line(text?: string): void;
  /** A JSON line on stdout; nothing without --json. */
  figures(value: object): void;
  /** A line for people on stderr, in either mode: stdout stays clean. */
  note(text: string): void;
  /** `frontsync: CODE: message` on stderr, and with --json `{"error":{code,message,path?}}` on stdout. */
  fault(error: FrontsyncError): void;
  /** In colour when stdout is a terminal. */
  paint(style: Style, text: string): string;
}

/** The two ends of a pipe and what is known of them: process.stdout, or a test's own. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** An output that writes to these two streams; `env` decides about colours with them. */
export function createOutput(
  json: boolean,
  stdout: Sink = process.stdout,
  stderr: Sink = process.stderr,
  env = process.env,
): Output {
  return {
    json,
    line: (text = "") => void (json || stdout.write(`${text}\n`)),
    figures: (value) => void (json && stdout.write(`${JSON.stringify(value)}\n`)),
    note: (text) => void stderr.write(`${text}\n`),
    fault(error) {
      stderr.write(`${faultLine(error)}\n`);
      if (json) stdout.write(`${JSON.stringify({ error: faultFields(error) })}\n`);
    },
    paint: (style, text) => (hasColours(stdout, env) ? painted(style, text) : text),
  };
}

/** An error as one line for people. */
export function faultLine({ code, message, path }: Pick<FrontsyncError, "code" | "message" | "path">): string {
  return `frontsync: ${code}: ${message}${path ? ` (at ${path})` : ""}`;
}

/** An error as programs read it. */
export function faultFields({ code, message, path }: Pick<FrontsyncError, "code" | "message" | "path">): object {
  return { code, message, ...(path === undefined ? {} : { path }) };
}

/** Whether this stream shows colours: a terminal that can, and a user who has not said no (https://no-color.org). */
export function hasColours(stream: Sink, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}

function painted(style: Style, text: string): string {
  // Node 20 has it from 20.12 on.
  return typeof util.styleText === "function" ? util.styleText(style, text) : text;
}

const READER_GONE = ["EPIPE", "ERR_STREAM_DESTROYED", "EIO"];

/** Nobody reads what is printed any more: `| head` has seen enough, or a terminal was closed. */
export function isReaderGone(error: unknown): boolean {
  return READER_GONE.includes((error as NodeJS.ErrnoException | undefined)?.code ?? "");
}

/** What standard output could not take, such as a file on a disk that is full. */
let unprinted: Error | undefined;

/** A reader that went away (`| head`) is no fault: what we would still print is dropped, and the work goes on. So it does when a disk is full: a service
 *  is not to end for what it says. */
export function surviveBrokenPipes(): void {
  process.stdout.on("error", noteUnprinted);
  process.stderr.on("error", () => {});
}

/** Resolves when all that was printed has left this process, with what standard output could not take, if there was something. */
export async function flushed(): Promise<FrontsyncError | undefined> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writable)
      await new Promise<void>((resolve) => {
        stream.write("", (error) => {
          if (stream === process.stdout && error) noteUnprinted(error);
          resolve();
        });
      });
  }
  return unprinted && new FrontsyncError("DISK_FULL", `Not all could be printed: ${unprinted.message}.`, { cause: unprinted });
}

function noteUnprinted(error: Error): void {
  if (!isReaderGone(error)) unprinted ??= error;
}
