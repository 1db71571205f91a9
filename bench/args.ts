import { parseArgs } from "node:util";
import { FIGURES, type FigureName, isFigureName } from "./figures.ts";

export const HELP = `Usage: npm run bench -- [options]

Measures frontsync beside its limit: the bare pipeline on NATS, without any of our code.
Exit code 0: every figure keeps its bound. 1: one does not, or could not be measured.

  --quick           shorter rounds and fewer documents; under 50 s
  --json            one JSON object a line and figure, nothing else on stdout
  --only NAME,NAME  only these figures
  --dir DIR         work in a new folder in DIR, on the disk that is to be measured
                    (default: the system's folder for temporary files)
  --help            this text

Figures: ${Object.keys(FIGURES).join(" ")}
`;

export interface Args {
  quick: boolean;
  json: boolean;
  help: boolean;
  only: ReadonlySet<FigureName>;
  dir: string | undefined;
}

/** Throws an Error with one line for a person when the arguments are not understood. */
export function readArgs(argv: readonly string[]): Args {
  const { values } = parseArgs({
    args: [...argv],
    strict: true,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      dir: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const named = values.only.flatMap((names) => names.split(",")).filter((name) => name !== "");
  const only = named.map((name) => {
    if (!isFigureName(name)) throw new Error(`--only: there is no figure '${name}'. See --help.`);
    return name;
  });
  const all = Object.keys(FIGURES).filter(isFigureName);
  return {
    quick: values.quick,
    json: values.json,
    help: values.help,
    only: new Set(only.length > 0 ? only : all),
    dir: values.dir,
  };
}
