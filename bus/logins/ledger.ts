/** What logins on this webserver have left while there was no contact, on its disk until the datastore was told: so failures count on, and lock,
 *  also over a restart. For each user it is gathered in one report, and in a new one from when that may have been sent: a report has one effect. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { LOGIN_DEFAULTS } from "../../schemas/accounts.ts";
import { FrontsyncError } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { LocalLogin, LoginRecord, LoginsReportRequest } from "../../schemas/types.ts";
import { Journal } from "../outbox/journal.ts";
import { log } from "../platform/log.ts";

/** Each of the size of its sessions, which are at most MAX_SESSIONS. */
const MAX_REPORTS = 10_000;
const MAX_SESSIONS = 100;
/** The file is written anew when it is this large, and less than half of it still counts. */
const COMPACT_BYTES = 1024 * 1024;

type Left = LoginRecord & { kind: "left"; login: LocalLogin; report: LoginsReportRequest };

export class LoginLedger {
  readonly #journal: Journal;
  /** By their reports' mutation ids, in the order in which they were begun. */
  readonly #left: Map<string, Left>;
  /** The report that a user's next login is added to. */
  readonly #open = new Map<number, Left>();
  #counts = 0;

  private constructor(journal: Journal, left: Map<string, Left>) {
    this.#journal = journal;
    this.#left = left;
  }

  /** What a process before this one has left may be on its way already. */
  static open(dir: string, schemas: Schemas): LoginLedger {
    const left = new Map<string, Left>();
    const file = join(dir, "logins");
    const made = !existsSync(file);
    const journal = Journal.open(file, (json) => {
      const record = schemas.read("login.record", json);
      if (record.kind === "left" && record.login && record.report) left.set(record.mutation, record as Left);
      else left.delete(record.mutation);
    });
    const ledger = new LoginLedger(journal, left);
    if (!made)
      void ledger.#compact(0).catch((error: unknown) => log.warn({ err: error }, "the logins' file could not be made smaller"));
    return ledger;
  }

  /** What was wrong with the file. */
  get damage(): string | undefined {
    return this.#journal.damage;
  }

  /** What the datastore has not been told, in order. */
  get reports(): readonly LoginsReportRequest[] {
    return [...this.#left.values()].map(({ report }) => report);
  }

  /** A user's failures and lock as they count here; undefined: as the replica has them. */
  loginOf(uid: number): LocalLogin | undefined {
    return [...this.#left.values()].findLast(({ login }) => login.uid === uid)?.login;
  }

  /** Notes a login. `mutation`: of the report, when a new one is begun. Resolves when it is on the disk; on a disk that is full it counts in memory
   *  alone. Throws DATASTORE_UNREACHABLE when too much is to be reported already. */
  async note(
    login: LocalLogin,
    change: (report: LoginsReportRequest) => LoginsReportRequest,
    mutation: () => string,
  ): Promise<void> {
    const { uid } = login;
    const open = this.#open.get(uid);
    if (!open && this.#left.size >= MAX_REPORTS)
      throw new FrontsyncError(
        "DATASTORE_UNREACHABLE",
        `The logins of ${MAX_REPORTS} users wait to be reported. Try again later.`,
      );
    const { lockAfter, lockSeconds } = LOGIN_DEFAULTS;
    const begun = open?.report ?? { mutation: mutation(), by: 0, uid, failures: 0, lockAfter, lockSeconds, sessions: [] };
    const left: Left = { kind: "left", mutation: begun.mutation, login, report: change(begun) };
    this.#left.set(left.mutation, left);
    if (left.report.sessions.length < MAX_SESSIONS) this.#open.set(uid, left);
    else this.#open.delete(uid);
    await this.#append(left);
  }

  /** The report as it is now: nothing is added to it any more. */
  sending(report: LoginsReportRequest): LoginsReportRequest {
    const { uid, mutation } = report;
    if (this.#open.get(uid)?.mutation === mutation) this.#open.delete(uid);
    return this.#left.get(mutation)?.report ?? report;
  }

  /** It is of no more use. That this is forgotten in a crash does no harm: it is told again. */
  async reported({ mutation }: LoginsReportRequest): Promise<void> {
    this.#left.delete(mutation);
    await this.#append({ kind: "reported", mutation });
  }

  async close(): Promise<void> {
    await this.#journal.close();
  }

  async #append(record: LoginRecord): Promise<void> {
    try {
      await this.#journal.append(record);
      await this.#compact(COMPACT_BYTES);
    } catch (error) {
      log.warn({ err: error, mutation: record.mutation }, "what a login has left is not on the disk");
    }
  }

  async #compact(above: number): Promise<void> {
    this.#counts++;
    if (this.#journal.size <= above || this.#counts < this.#left.size * 2) return;
    this.#counts = 0;
    await this.#journal.rewrite(() => [...this.#left.values()]);
  }
}
