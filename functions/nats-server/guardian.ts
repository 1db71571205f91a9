import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";

/** What the guardian does. It starts nats-server itself, so there is no moment at which the parent may die and leave it behind; it
 *  tells its pid on descriptor 3; then it waits for it to end. A second shell reads the pipe from the parent, on which nothing is ever
 *  sent: the read ends when the parent does, whichever way. Then TERM, and 1.2 s later KILL. Signals to the guardian are ignored
 *  (nats-server sets its own handlers for them). Both shells end with nats-server, and the exit status is passed on. */
const SCRIPT = `
trap '' HUP INT TERM
pid_file=$1; shift
exec 4<&0 </dev/null
"$@" 3>&- 4<&- &
server=$!
echo "$server" >"$pid_file"
echo "$server" >&3
exec 3>&-
(
  exec >/dev/null 2>&1
  read -r _ <&4
  kill -TERM "$server"
  n=0
  while [ $n -lt 12 ] && kill -0 "$server"; do sleep 0.1 || sleep 1; n=$((n + 1)); done
  kill -KILL "$server"
) &
watcher=$!
exec 4<&-
wait "$server"
code=$?
kill -KILL "$watcher" 2>/dev/null
exit "$code"
`;

export interface Guarded {
  /** The guardian. It ends as nats-server does; a shell tells a signal as 128 + its number. */
  guardian: ChildProcess;
  /** nats-server's own; undefined when not even the shell could be started. */
  pid: Promise<number | undefined>;
  output: readonly Readable[];
}

/** Starts a program under a guardian, both in a session of their own: a Ctrl-C at our terminal does not reach them, and the program
 *  ends within 2 s however this process ends, also by kill -9. The pid is written to `pidFile` at once, for the next start. */
export function spawnGuarded(pidFile: string, command: string, args: readonly string[]): Guarded {
  const guardian = spawn("/bin/sh", ["-c", SCRIPT, "frontsync-guardian", pidFile, command, ...args], {
    detached: true,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  guardian.stdin?.on("error", () => {});
  const told = guardian.stdio[3] as Readable;
  const pid = new Promise<number | undefined>((resolve) => {
    let text = "";
    told.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    told.once("close", () => resolve(/^\d+\n$/.test(text) ? Number(text) : undefined));
    told.on("error", () => {});
  });
  return { guardian, pid, output: [guardian.stdout, guardian.stderr].filter((stream) => stream !== null) };
}
