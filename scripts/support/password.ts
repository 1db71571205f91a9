/** A password from a file or from whoever sits at the terminal: never from the command line, which everybody on the machine sees. */
import { readFileSync } from "node:fs";
import { stderr, stdin } from "node:process";
import { FrontsyncError } from "../../schemas/errors.ts";

const MAX_CHARACTERS = 1024;

/** The file's (without its last line end), else what is typed, a new one twice. Throws BAD_CONFIG, and the signal's reason. */
export async function readPassword(file: string | undefined, which: "new" | "known", signal: AbortSignal): Promise<string> {
  const password = file === undefined ? await asked(which, signal) : inFile(file);
  if (password === "" || [...password].length > MAX_CHARACTERS)
    throw new FrontsyncError("BAD_CONFIG", `A password has 1 to ${MAX_CHARACTERS} characters.`);
  return password;
}

function inFile(file: string): string {
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new FrontsyncError("BAD_CONFIG", `The file of --password-file can't be read: ${(cause as Error).message}`, { cause });
  }
}

async function asked(which: "new" | "known", signal: AbortSignal): Promise<string> {
  if (!stdin.isTTY) throw new FrontsyncError("BAD_CONFIG", "There is no terminal to ask for the password: give --password-file.");
  if (which === "known") return await typed("Password: ", signal);
  const password = await typed("New password: ", signal);
  if ((await typed("Again: ", signal)) === password) return password;
  throw new FrontsyncError("BAD_CONFIG", "The two passwords are not the same. Nothing was changed; start again.");
}

/** A line that is not shown. In raw mode a Ctrl-C is a character like any other: it is passed on as the signal that it means. */
function typed(prompt: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const end = (finish: () => void) => {
      stdin.off("data", onData);
      signal.removeEventListener("abort", onAbort);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      finish();
    };
    const onAbort = () => end(() => reject(signal.reason));
    const onData = (data: Buffer) => {
      for (const character of data.toString("utf8")) {
        if (character === "\r" || character === "\n") return end(() => resolve(text));
        if (character === "\x03" || character === "\x04") process.kill(process.pid, "SIGINT");
        else if (character === "\x7f" || character === "\b") text = [...text].slice(0, -1).join("");
        else text += character;
      }
    };
    signal.throwIfAborted();
    signal.addEventListener("abort", onAbort, { once: true });
    stderr.write(prompt);
    stdin.setRawMode(true);
    stdin.resume();
    stdin.on("data", onData);
  });
}
