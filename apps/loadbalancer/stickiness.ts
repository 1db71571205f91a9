/** The cookie that keeps a browser at its webserver. It names one, and says nothing else: a forged one can only choose among the webservers
 *  that get users anyway. It needs no secret, so that it counts at every load balancer, and after a restart. */
import { createHash } from "node:crypto";
import { clock } from "../../bus/index.ts";

const NAME = "frontsync_balancer";
const MARK_CHARS = 16;
const MINUTE_MS = 60_000;
const MAX_HEADER = 16 * 1024;

/** What stands for a webserver in the cookie. */
export function markOf(webserver: string): string {
  return createHash("sha256").update(`frontsync load balancer\0${webserver}`).digest("base64url").slice(0, MARK_CHARS);
}

export interface Kept {
  mark: string;
  /** It is to be set again, so that it does not run out while it is used. */
  ages: boolean;
}

export class Stickiness {
  readonly #minutes: number;

  constructor(minutes: number) {
    this.#minutes = minutes;
  }

  /** What the browser brings; undefined: nothing that counts. `level`: how many load balancers are in front, each of which has a cookie of its own. */
  read(header: string | undefined, level = 0): Kept | undefined {
    if (header === undefined || header.length > MAX_HEADER) return undefined;
    const found = new RegExp(`(?:^|;\\s*)${nameOf(level)}=([A-Za-z0-9_-]{${MARK_CHARS}})\\.([0-9a-z]{1,8})(?:;|$)`).exec(header);
    if (!found) return undefined;
    const age = now() - Number.parseInt(found[2] as string, 36);
    return age < 0 || age > this.#minutes ? undefined : { mark: found[1] as string, ages: age * 2 > this.#minutes };
  }

  /** For Set-Cookie. */
  write(webserver: string, { secure, level = 0 }: { secure: boolean; level?: number }): string {
    const value = `${markOf(webserver)}.${now().toString(36)}`;
    const about = `Path=/; Max-Age=${this.#minutes * 60}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
    return `${nameOf(level)}=${value}; ${about}`;
  }
}

function nameOf(level: number): string {
  return level === 0 ? NAME : `${NAME}${level}`;
}

function now(): number {
  return Math.floor(clock.now() / MINUTE_MS);
}
