/** The demo's two ways: to stay up and show, or to check and go. */
import { within } from "../../../bus/platform/deadline.ts";
import { asFrontsyncError, FrontsyncError } from "../../../schemas/errors.ts";
import { type Context, Failed } from "../cli.ts";
import { faultFields, faultLine } from "../output.ts";
import { findNats } from "../start-datastore.ts";
import { inTemporaryFolder } from "../temporary-folder.ts";
import { countDashboards, showArrivals } from "./arrivals.ts";
import { type CheckSummary, checkSession } from "./check.ts";
import { followStatus, printArrivals, printHowTo, printStart, startedFigures } from "./report.ts";
import { sampleDashboards } from "./samples.ts";
import { openSession, type SessionOptions } from "./session.ts";

const CHECK_MS = 180_000;
/** To stop it all again when the check was too slow. */
const CLEANUP_MS = 60_000;

/** Writes the samples, shows them arriving, and stays up until a signal. Throws what openSession and showArrivals throw. */
export async function runDemo(options: SessionOptions, context: Context): Promise<void> {
  const { output, stop } = context;
  const session = await openSession(options, context);
  const unfollow: (() => void)[] = [];
  try {
    const alreadyThere = await countDashboards(session.writer.bus);
    printStart(output, session, alreadyThere);
    const arrivals = await showArrivals(session.writer.bus, session.reader.bus, sampleDashboards(new Date()), stop.signal);
    printArrivals(output, session, arrivals);
    output.figures(startedFigures(session, alreadyThere, arrivals));
    const printed = new Set<string>();
    for (const { name, bus } of session.webservers) unfollow.push(followStatus(output, name, bus, printed));
    printHowTo(output, session);
    await stop.requested;
  } finally {
    for (const end of unfollow) end();
    await session.close();
  }
}

/** Does it once in a temporary folder and prints one line of JSON, also when it fails; then it throws `Failed`. */
export async function checkDemo(options: Omit<SessionOptions, "dir">, context: Context): Promise<void> {
  const { output, stop } = context;
  try {
    // A fetch takes as long as the network does, so it stands before the deadline.
    await findNats(options.nats, context);
    output.figures(await checkInTime(options, context));
  } catch (error) {
    const fault = stop.signal.aborted ? new FrontsyncError("CLOSED", "The check was interrupted.") : asFrontsyncError(error);
    output.figures({ ok: false, error: faultFields(fault) });
    output.note(faultLine(fault));
    throw new Failed();
  }
}

async function checkInTime(options: Omit<SessionOptions, "dir">, { output, stop }: Context): Promise<CheckSummary> {
  const overdue = new AbortController();
  const timer = setTimeout(
    () => overdue.abort(new FrontsyncError("TIMEOUT", `The check took longer than ${CHECK_MS / 1000} s.`)),
    CHECK_MS,
  );
  const limited = { output, stop: { ...stop, signal: AbortSignal.any([stop.signal, overdue.signal]) } };
  const checking = inTemporaryFolder(async (dir) => {
    const session = await openSession({ ...options, dir }, limited);
    try {
      return await checkSession(session, limited.stop.signal);
    } finally {
      await session.close();
    }
  });
  try {
    return await within(checking, "The check", { timeoutMs: CHECK_MS + CLEANUP_MS });
  } finally {
    clearTimeout(timer);
  }
}
