/** Processes that hang: they hold their sockets and answer nothing. */
import { send } from "../../bench/faults/cluster/processes.ts";

/** Stops processes where they are until the end of the block: `using _frozen = freeze(pids)`, or until `thaw`. */
export function freeze(pids: readonly (number | undefined)[]): Disposable & { thaw(): void } {
  const frozen = pids.flatMap((pid) => pid ?? []);
  for (const pid of frozen) process.kill(pid, "SIGSTOP");
  const thaw = () => {
    for (const pid of frozen.splice(0)) send(pid, "SIGCONT");
  };
  return { thaw, [Symbol.dispose]: thaw };
}
