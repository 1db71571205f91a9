/** What systemd is told of a service (sd_notify). Node has no datagram sockets of the kind that it takes, so systemd's own program tells it: it is
 *  there wherever systemd is. See docs/adr/0012. */
import { execFile } from "node:child_process";
import { log } from "../../bus/platform/log.ts";

const TELL_MS = 5000;
/** Of the watchdog's time: twice in it, and a half to spare. */
const SHARE = 1 / 3;

export interface Service {
  /** It serves: what waits for it may start. */
  ready(status: string): Promise<void>;
  /** It ends by itself; the watchdog is over. */
  stopping(): Promise<void>;
}

/** The service that this process is; outside of systemd nobody is told. Never throws: a service that works is not ended for that. */
export function serviceOf(env: NodeJS.ProcessEnv = process.env): Service {
  let watchdog: NodeJS.Timeout | undefined;
  const tell = (...words: string[]) => (env.NOTIFY_SOCKET ? notify(words) : Promise.resolve());
  return {
    async ready(status) {
      await tell("--ready", `--status=${status}`);
      const everyMs = (Number(env.WATCHDOG_USEC) / 1000) * SHARE;
      // A timer that is late, because this process hangs, is what the watchdog is for.
      if (env.NOTIFY_SOCKET && everyMs > 0) watchdog ??= setInterval(() => void tell("WATCHDOG=1"), everyMs).unref();
    },
    async stopping() {
      clearInterval(watchdog);
      await tell("STOPPING=1");
    },
  };
}

function notify(words: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    execFile("systemd-notify", words, { timeout: TELL_MS }, (error) => {
      if (error) log.warn({ err: error, words }, "systemd could not be told");
      resolve();
    });
  });
}
