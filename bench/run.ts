import type { FoundNatsServer } from "../functions/nats-server/index.ts";
import type { Figure, FigureName } from "./figures.ts";
import type { Plan } from "./plan.ts";
import type { Stage } from "./stage.ts";

/** What every measurement of a run gets. */
export interface Run {
  plan: Plan;
  stage: Stage;
  found: FoundNatsServer;
  wanted: ReadonlySet<FigureName>;
  /** Tells a person at the terminal what is being measured. */
  progress(text: string): void;
  /** Prints a figure, if it is wanted. */
  report(figure: Figure): void;
}

export function wants({ wanted }: Run, ...names: readonly FigureName[]): boolean {
  return names.some((name) => wanted.has(name));
}
