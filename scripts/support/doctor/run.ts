/** What `frontsync doctor` looks at: each part by itself, so that what is wrong with one hides nothing of the others. */
import { asFrontsyncError, type ErrorCode, FrontsyncError } from "../../../schemas/errors.ts";
import { type Context, Failed } from "../cli.ts";
import { configOf, type GivenFlags } from "../config/flags.ts";
import type { Settings } from "../config/index.ts";
import { datastoreOf } from "../config/target.ts";
import { alignedRows, count } from "../numbers.ts";
import type { Output } from "../output.ts";
import { inTemporaryFolder } from "../temporary-folder.ts";
import { deploymentFindings } from "./deployment.ts";
import { diskFindings, natsServerFinding, nodeFinding } from "./machine.ts";

export interface Finding {
  /** What was looked at: a part of the machine or the deployment, or a webserver by its id. */
  about: string;
  state: "good" | "warning" | "bad";
  /** Of an error, or of one of the datastore's warnings. */
  code?: string;
  message: string;
}

/** Prints what it finds. Throws Failed when something is wrong. */
export async function runDoctor(given: GivenFlags, { output, stop }: Context): Promise<void> {
  const findings: Finding[] = [nodeFinding(), await natsServerFinding(stop.signal)];
  const settings = settingsFrom(given, findings);
  if (settings) {
    findings.push(...(await diskFindings(settings)));
    findings.push(...(await inTemporaryFolder((dir) => deployment(settings, dir, stop.signal))));
  }
  const wrong = findings.filter(({ state }) => state === "bad").length;
  output.figures({ ok: wrong === 0, findings });
  print(output, findings);
  if (wrong > 0) throw new Failed(`${wrong} findings`);
}

/** undefined: they can't be read, and the findings say so. */
function settingsFrom(given: GivenFlags, findings: Finding[]): Settings | undefined {
  try {
    const settings = configOf(given, "client");
    datastoreOf(settings);
    const from = given.config === undefined ? "flags, environment and defaults" : String(given.config);
    findings.push({ about: "settings", state: "good", message: from });
    return settings;
  } catch (error) {
    findings.push(badFinding("settings", error));
    return undefined;
  }
}

async function deployment(settings: Settings, dir: string, signal: AbortSignal): Promise<Finding[]> {
  try {
    return await deploymentFindings({ target: datastoreOf(settings), dir, signal });
  } catch (error) {
    signal.throwIfAborted();
    return [badFinding("datastore", error)];
  }
}

function badFinding(about: string, thrown: unknown): Finding & { code: ErrorCode } {
  if (!(thrown instanceof FrontsyncError)) throw thrown;
  const { code, message } = asFrontsyncError(thrown);
  return { about, state: "bad", code, message };
}

const STYLES = { good: "green", warning: "yellow", bad: "red" } as const;

function print(output: Output, findings: readonly Finding[]): void {
  const rows = alignedRows(
    findings.map(({ about, state, code, message }) => [state, about, code === undefined ? message : `${code}: ${message}`]),
  );
  for (const [at, row] of rows.entries()) {
    const { state } = findings[at] as Finding;
    output.line(output.paint(STYLES[state], state) + row.slice(state.length));
  }
  const [bad, warnings] = (["bad", "warning"] as const).map((wanted) => findings.filter(({ state }) => state === wanted).length);
  output.line(`\n${count(bad ?? 0, "fault")}, ${count(warnings ?? 0, "warning")}.`);
}
