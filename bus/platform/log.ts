/** Logs: JSON lines on standard error, by pino. FRONTSYNC_LOG sets the level (default warn). Secrets are redacted in this one place. */
import { type Logger, pino } from "pino";

export type { Logger };

const SECRETS = ["controlAuth", "password", "pass", "secret", "token", "signingKey", "seed"];

/** off is pino's silent; what is no level is warn: a log that can't be set up must not stop what it would have told of. */
function levelOf(name: string): string {
  const level = name.toLowerCase();
  if (level === "off") return "silent";
  return level === "silent" || Object.hasOwn(pino.levels.values, level) ? level : "warn";
}

/** What waits while standard error can't be written. */
const MAX_WAITING_BYTES = 1024 * 1024;
// Standard output belongs to the program that embeds us.
const destination = pino.destination({ fd: 2, sync: true, maxLength: MAX_WAITING_BYTES });
// A full disk under a log is told of nowhere, and ends nobody: what would be logged waits for room, and what is too much is lost.
destination.on("error", () => {});

export const log: Logger = pino(
  {
    name: "frontsync",
    level: levelOf(process.env.FRONTSYNC_LOG ?? "warn"),
    redact: SECRETS.flatMap((name) => [name, `*.${name}`]),
  },
  destination,
);

/** From here on: trace, debug, info, warn, error or off. */
export function setLogLevel(level: string): void {
  log.level = levelOf(level);
}
