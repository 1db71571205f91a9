/** A stand-in for systemd-notify, which writes down what it is told. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, script } from "./nats-server-kit.ts";

const WAIT_MS = 60_000;

export interface Told {
  /** For a command that is to think that systemd has started it. */
  env: NodeJS.ProcessEnv;
  /** Waits until it has been told this. */
  says(what: RegExp): Promise<unknown>;
}

export function systemdTold(folder: string): Told {
  const told = join(folder, "told");
  script(join(folder, "bin"), "systemd-notify", `echo "$@" >> ${told}`);
  return {
    env: {
      PATH: `${join(folder, "bin")}:${process.env.PATH}`,
      NOTIFY_SOCKET: join(folder, "notify"),
      WATCHDOG_USEC: "600000",
    },
    says: (what) =>
      eventually(`systemd is told ${what}`, WAIT_MS, () => existsSync(told) && what.test(readFileSync(told, "utf8"))),
  };
}
