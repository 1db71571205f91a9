import { spawn } from "node:child_process";

const OUTPUT_BYTES = 64 * 1024;
const GRACE_MS = 500;

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  /** After this many ms the program is ended: TERM, then KILL half a second later. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** Runs a program without a shell and without input, and returns what it printed on stdout (at most the first 64 KB; the rest is
 *  dropped). Throws an Error whose message is one line, with the program's last words, when it can't be started, ends with
 *  anything but 0, or is over its deadline; an aborted signal rejects with its reason. It stays in our process group, so that
 *  Ctrl-C at a terminal ends a download or a compiler as well. */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  options.signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: options.env ?? process.env, stdio: ["ignore", "pipe", "pipe"] });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    let ended: Error | undefined;
    let hard: NodeJS.Timeout | undefined;
    const end = (reason: Error) => {
      ended ??= reason;
      child.kill("SIGTERM");
      hard ??= setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
    };
    const deadline = setTimeout(() => end(new Error(`no end after ${options.timeoutMs / 1000} s`)), options.timeoutMs);
    const onAbort = () => end(options.signal?.reason);
    options.signal?.addEventListener("abort", onAbort, { once: true });
    const settle = (outcome: () => void) => {
      clearTimeout(deadline);
      clearTimeout(hard);
      options.signal?.removeEventListener("abort", onAbort);
      // A grandchild may hold the pipes open for ever: don't wait for it.
      child.stdout.destroy();
      child.stderr.destroy();
      outcome();
    };
    child.once("error", (error: NodeJS.ErrnoException) =>
      settle(() => reject(new Error(startFault(command, error), { cause: error }))),
    );
    child.once("exit", (code, signal) => {
      const drained = new Promise((done) => child.once("close", done));
      void Promise.race([drained, new Promise((done) => setTimeout(done, GRACE_MS))]).then(() =>
        settle(() => {
          if (ended !== undefined) reject(ended);
          else if (code === 0) resolve(stdout());
          else reject(new Error(lastWords(signal ?? `exit ${code}`, stderr() || stdout())));
        }),
      );
    });
  });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on("data", (chunk: Buffer) => {
    if (bytes < OUTPUT_BYTES) chunks.push(chunk.subarray(0, OUTPUT_BYTES - bytes));
    bytes += chunk.length;
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

function startFault(command: string, error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT") return `${command} is not installed`;
  return `${command} can't be started (${error.code ?? error.message})`;
}

function lastWords(how: string, output: string): string {
  const line = output.trimEnd().split("\n").at(-1)?.trim().slice(0, 300);
  return line ? `${how}: ${line}` : how;
}
