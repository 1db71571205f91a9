/** The positive controls of fault injection: each broken webserver, and a power cut with `sync: default`, must be caught within 20 rounds. Prints a line of
 *  JSON for each, for docs/reliability.jsonl, and exits 1 when one was not caught. Arguments: the names of those that are to run; default: all. */
import { BREAKS } from "../../bench/faults/breaks/index.ts";
import { runControl } from "../../bench/faults/controls.ts";
import { inTemporaryFolder } from "../support/temporary-folder.ts";

const POWER = { "power-cut with sync default": "default", "power-cut with sync always": "always" } as const;
/** Must not be caught: so many rounds are enough. */
const ALWAYS_ROUNDS = 5;

process.env.FRONTSYNC_LOG ??= "off";
const wanted = process.argv.slice(2);
const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name);
let failed = false;

for (const [control, { invariant, kinds }] of Object.entries(BREAKS).filter(([name]) => isWanted(name))) {
  const { rounds, caught } = await inTemporaryFolder((folder) => runControl({ folder, invariant, kinds, broken: control }));
  print({ control, invariant, rounds, caught }, caught);
}
for (const [control, sync] of Object.entries(POWER).filter(([name]) => isWanted(name))) {
  const most = sync === "always" ? { most: ALWAYS_ROUNDS } : {};
  const kinds = ["power-cut-datastore"];
  const { rounds, caught } = await inTemporaryFolder((folder) => runControl({ folder, invariant: 1, sync, kinds, ...most }));
  print({ control, invariant: 1, rounds, caught }, caught === (sync === "default"));
}
process.exit(failed ? 1 : 0);

function print(line: object, isRight: boolean): void {
  console.log(JSON.stringify(line));
  failed ||= !isRight;
}
