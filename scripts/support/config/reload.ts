/** SIGHUP: the settings that may change while a service runs are read again. */
import { log, setLogLevel } from "../../../bus/platform/log.ts";
import { asFrontsyncError } from "../../../schemas/errors.ts";
import type { Context } from "../cli.ts";
import { faultLine } from "../output.ts";
import { type ConfigSources, loadConfig, type Settings } from "./index.ts";
import { DECLARATIONS, KEY_NAMES, type KeyName } from "./keys/index.ts";

/** At each SIGHUP reads the configuration again, sets the log level, and gives `apply` the settings; what it returns, settings that name files
 *  which are others now, is printed with what has changed. A file with a fault is told, and what was read before stays. Without a file SIGHUP ends the command, as a closed terminal does.
 *  Returns the end of it. */
export function reloadAtHangup(
  sources: ConfigSources,
  { output, stop }: Context,
  apply: (settings: Settings) => readonly KeyName[] | Promise<readonly KeyName[]>,
): () => void {
  if (sources.file === undefined) return () => {};
  let current = loadConfig(sources);
  setLogLevel(current.logLevel);
  const reload = async () => {
    const next = loadConfig(sources);
    const changed = KEY_NAMES.filter((key) => JSON.stringify(next[key]) !== JSON.stringify(current[key]));
    const now = { ...current };
    for (const key of changed) if (DECLARATIONS[key].reloads) Object.assign(now, { [key]: next[key] });
    setLogLevel(now.logLevel);
    const others = await apply(now);
    current = now;
    tell(changed, others, output);
  };
  let running = Promise.resolve();
  return stop.onHangup(() => {
    running = running.then(reload).catch((error: unknown) => {
      const fault = asFrontsyncError(error);
      log.error({ err: fault }, "the configuration was not read again");
      output.note(`${faultLine(fault)} What was read before stays.`);
    });
  });
}

function tell(changed: readonly KeyName[], others: readonly KeyName[], output: Context["output"]): void {
  const names = (keys: readonly KeyName[]) => keys.map((key) => DECLARATIONS[key].name);
  const reloads = (key: KeyName) => DECLARATIONS[key].reloads === true;
  const taken = names([...changed.filter(reloads), ...others]);
  const waiting = names(changed.filter((key) => !reloads(key)));
  output.line(`configuration read again: ${taken.length === 0 ? "nothing new" : taken.join(", ")}`);
  if (waiting.length > 0) output.note(`These need a restart: ${waiting.join(", ")}.`);
  output.figures({ event: "reloaded", changed: taken, needRestart: waiting });
}
