/** Logins without contact: a password is checked against the replica, failures count and lock on this webserver, and what happened is reported when
 *  there is contact again. See docs/adr/0012-logins-without-contact.md. */

import { actorOf } from "../../schemas/access.ts";
import {
  afterFailures,
  afterSuccess,
  checkNotLockedOut,
  comparable,
  ENDED_SESSION_MS,
  LOGIN_DEFAULTS,
} from "../../schemas/accounts.ts";
import { asFrontsyncError, FrontsyncError } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type {
  Calls,
  LocalLogin,
  Login,
  LoginsReportRequest,
  User,
  UsersLoginReply,
  UsersLoginRequest,
  UsersLogoutReply,
  UsersLogoutRequest,
} from "../../schemas/types.ts";
import type { Collection } from "../api.ts";
import type { Link } from "../link.ts";
import { clock } from "../platform/clock.ts";
import { withSignal } from "../platform/deadline.ts";
import { log } from "../platform/log.ts";
import { refuseLogin, verifyPassword } from "../platform/password.ts";
import { randomId } from "../platform/random.ts";
import { LoginLedger } from "./ledger.ts";

const REPORT_TIMEOUT_MS = 10_000;
const PAGE = 1000;
const BEGINNING = new Date(0).toISOString();

export interface LoginsParts {
  webserver: string;
  dir: string;
  schemas: Schemas;
  link: Pick<Link, "ask">;
  /** As the system sees it. */
  collection(name: string): Collection<never>;
  /** The revision that is held. */
  cursor(): number;
  mutationId(): string;
  holds(revision: number, signal: AbortSignal): Promise<void>;
}

export class Logins {
  readonly #parts: LoginsParts;
  readonly #ledger: LoginLedger;
  readonly #stop = new AbortController();
  #names: { at: number; uids: Promise<ReadonlyMap<string, number>> } | undefined;
  #reporting: Promise<void> | undefined;

  /** Opens what earlier logins have left in the folder. */
  constructor(parts: LoginsParts) {
    this.#parts = parts;
    this.#ledger = LoginLedger.open(parts.dir, parts.schemas);
  }

  /** What was wrong with their file. */
  get damage(): string | undefined {
    return this.#ledger.damage;
  }

  /** How this webserver answers a call while it has no contact; undefined: it can't. `request`: as its schema has it. */
  answer(name: keyof Calls, request: unknown): (() => Promise<unknown>) | undefined {
    // A replica that has never held anything knows nobody: that is no reason to refuse a password.
    if (this.#parts.cursor() === 0) return undefined;
    if (name === "users.login") return () => this.#login(request as UsersLoginRequest);
    // All sessions of a user are ended by a change of the user, which does not wait.
    const { session } = request as UsersLogoutRequest;
    if (name === "users.logout" && session !== undefined)
      return () => this.#logout({ ...(request as UsersLogoutRequest), session });
    return undefined;
  }

  /** Tells the datastore what there is to tell. Never throws: what it does not take now is told at the next time. */
  report(): Promise<void> {
    this.#reporting ??= this.#report().finally(() => {
      this.#reporting = undefined;
    });
    return this.#reporting;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#reporting;
    await this.#ledger.close();
  }

  async #login({ user: name, password, mutation: _one, by: _by, ...settings }: UsersLoginRequest): Promise<UsersLoginReply> {
    const { sessionSeconds, lockAfter, lockSeconds } = { ...LOGIN_DEFAULTS, ...settings };
    const began = clock.monotonic();
    const user = await this.#userNamed(name);
    const held = user && (await this.#held<Login>("logins", String(user.uid)));
    const check = () => user && checkNotLockedOut(this.#ledger.loginOf(user.uid) ?? held, clock.now());
    check();
    const right = await verifyPassword(password, user?.password);
    // Again: who guesses many at once gets no more tries than who does it one by one.
    check();
    if (!user || !right) {
      if (user) await this.#noteFailure(user.uid, held, { lockAfter, lockSeconds });
      return await refuseLogin(began);
    }
    if (user.locked) throw new FrontsyncError("USER_LOCKED", "The user is locked by an admin.");
    const { uid, sessionsFrom = BEGINNING } = user;
    const now = clock.now();
    const [issuedAt, expiresAt] = [now, now + sessionSeconds * 1000].map((at) => new Date(at).toISOString()) as [string, string];
    const session = { id: randomId(), uid, issuedAt, expiresAt, webserver: this.#parts.webserver, sessionsFrom };
    await this.#note(afterSuccess(this.#loginOf(uid, held), now), ({ lockedUntil: _over, ...report }) => ({
      ...report,
      failures: 0,
      lastLogin: issuedAt,
      sessions: [...report.sessions, session],
    }));
    return { uid, user: user.user, admin: user.admin === true, session, defaultPassword: user.defaultPassword === true };
  }

  /** Looks and counts in one go: of two failures none is lost. */
  async #noteFailure(
    uid: number,
    held: Login | undefined,
    settings: Pick<LoginsReportRequest, "lockAfter" | "lockSeconds">,
  ): Promise<void> {
    const { lockedUntil: lockedBefore } = this.#loginOf(uid, held);
    const login = afterFailures(this.#loginOf(uid, held), 1, settings, clock.now());
    const { lockedUntil } = login;
    const locks = lockedUntil !== undefined && lockedUntil !== lockedBefore;
    await this.#note(login, (report) => ({
      ...report,
      ...settings,
      failures: locks ? 0 : report.failures + 1,
      ...(locks && { lockedUntil }),
    }));
  }

  #note(login: LocalLogin, change: (report: LoginsReportRequest) => LoginsReportRequest): Promise<void> {
    return this.#ledger.note(login, change, this.#parts.mutationId);
  }

  #loginOf(uid: number, held: Login | undefined): LocalLogin {
    const { failures = 0, lockedUntil, lastLogin } = this.#ledger.loginOf(uid) ?? held ?? { uid };
    return { uid, failures, ...(lockedUntil !== undefined && { lockedUntil }), ...(lastLogin !== undefined && { lastLogin }) };
  }

  /** The end of a session waits in the outbox, and is seen here at once. */
  async #logout({
    uid,
    session: id,
    expiresAt = new Date(clock.now() + ENDED_SESSION_MS).toISOString(),
    by,
    mutation,
  }: UsersLogoutRequest & { session: string }): Promise<UsersLogoutReply> {
    const actor = by === 0 ? undefined : actorOf(by, await this.#held<User>("users", String(by)));
    if (actor && !actor.admin && actor.uid !== uid)
      throw new FrontsyncError("NOT_ALLOWED", `The user ${by} may not do this: ask an admin.`);
    const sessions = this.#parts.collection("sessions") as Collection<object>;
    const { revision } = await sessions.put({ id, uid, expiresAt }, { mutationId: mutation });
    return { revision };
  }

  async #held<T>(collection: string, id: string): Promise<T | undefined> {
    return (await this.#parts.collection(collection).get(id))?.doc as T | undefined;
  }

  async #userNamed(name: string): Promise<User | undefined> {
    const at = this.#parts.cursor();
    if (this.#names?.at !== at) {
      const uids = this.#readNames();
      // Without contact nothing changes, and what failed once would fail on.
      uids.catch(() => {
        this.#names = undefined;
      });
      this.#names = { at, uids };
    }
    const uid = (await this.#names.uids).get(comparable(name));
    return uid === undefined ? undefined : await this.#held<User>("users", String(uid));
  }

  /** While there is no contact nothing changes: all users are looked through once. */
  async #readNames(): Promise<ReadonlyMap<string, number>> {
    const uids = new Map<string, number>();
    let after: string | undefined;
    do {
      const users = this.#parts.collection("users") as Collection<User>;
      const page = await users.list({ limit: PAGE, ...(after !== undefined && { after }) });
      for (const { doc } of page.items) uids.set(comparable(doc.user), doc.uid);
      after = page.next;
    } while (after !== undefined);
    return uids;
  }

  async #report(): Promise<void> {
    const { schemas, link, holds } = this.#parts;
    for (const next of this.#ledger.reports) {
      const report = this.#ledger.sending(next);
      try {
        const reply = schemas.read("logins.report.reply", await link.ask("logins.report", undefined, report, REPORT_TIMEOUT_MS));
        // From here on the replica says how often the user has failed.
        await withSignal(REPORT_TIMEOUT_MS, this.#stop.signal, (signal) => holds(reply.revision, signal));
      } catch (thrown) {
        const error = asFrontsyncError(thrown);
        if (error.retryable || error.code === "CLOSED") return;
        log.warn({ uid: report.uid, code: error.code, reason: error.message }, "logins without contact are not taken");
      }
      await this.#ledger.reported(report);
    }
  }
}
