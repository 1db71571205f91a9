/** Logs: JSON lines on standard error, by pino. FRONTSYNC_LOG sets the level (default warn). Secrets are redacted in this one place. */
import { type Logger, pino } from "pino";

export type { Logger };

const SECRETS = ["controlAuth", "password", "pass", "secret", "token", "signingKey", "seed"];

export const log: Logger = pino(
  {
    name: "frontsync",
    level: process.env.FRONTSYNC_LOG ?? "warn",
    redact: SECRETS.flatMap((name) => [name, `*.${name}`]),
  },
  // Standard output belongs to the program that embeds us.
  pino.destination({ fd: 2, sync: true }),
);
