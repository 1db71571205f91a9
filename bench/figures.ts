import { median } from "./stats.ts";

/** What a figure is measured in, and what makes it fail. */
interface Spec {
  unit: "ms" | "puts/s" | "docs/s";
  /** Of value to limit: smaller is better. */
  ratioAtMost?: number;
  /** Of value to limit: larger is better. */
  ratioAtLeast?: number;
  /** Of the value itself. */
  valueAtLeast?: number;
  valueAtMost?: number;
}

const latency = { unit: "ms", ratioAtMost: 1.5 } as const;

/** Every figure that the bench prints, in its order. `-paced`: 90 puts a second, otherwise one after the other; `-durable`: fsynced
 *  before the acknowledgement (`sync: "always"`). */
export const FIGURES = {
  "put-ack-p50": latency,
  "put-ack-p99": latency,
  "visible-p50": latency,
  "visible-p99": latency,
  "put-ack-p50-paced": latency,
  "put-ack-p99-paced": latency,
  "visible-p50-paced": latency,
  "visible-p99-paced": latency,
  throughput: { unit: "puts/s", ratioAtLeast: 0.7 },
  "put-ack-p50-durable": latency,
  "throughput-durable": { unit: "puts/s", ratioAtLeast: 2.5 },
  "catchup-300B": { unit: "docs/s", valueAtLeast: 40_000 },
  "catchup-2KB": { unit: "docs/s" },
  "put-300KB-p50": { unit: "ms" },
  "lock-on-10-webservers": { unit: "ms", valueAtMost: 1000 },
  "login-disturbs-p99": { unit: "ms", valueAtMost: 20 },
  "history-newest-50-p99": { unit: "ms", valueAtMost: 5 },
  "history-append-p99": { unit: "ms" },
} as const satisfies Record<string, Spec>;

export type FigureName = keyof typeof FIGURES;

export interface Figure {
  name: FigureName;
  value: number;
  /** The same, measured on the bare pipeline; of what that does not do, the bound. */
  limit: number;
  ratio: number;
  /** What else is worth knowing, e.g. peakRssMb. */
  extra: Record<string, number>;
}

/** One figure of one round, on both sides. */
export interface Pair {
  ours: number;
  bare: number;
}

/** Medians of the rounds. The ratio is the median of the rounds' own ratios, so that a slow minute of the machine, which hits both
 *  sides of a round, does not count. */
export function figure(name: FigureName, rounds: readonly Pair[], extra: Record<string, number> = {}): Figure {
  return {
    name,
    value: median(rounds.map((round) => round.ours)),
    limit: median(rounds.map((round) => round.bare)),
    ratio: median(rounds.map((round) => round.ours / round.bare)),
    extra,
  };
}

/** In words, e.g. "ratio ≤ 1.5"; undefined for a figure that can't fail. */
export function boundOf(name: FigureName): string | undefined {
  const spec: Spec = FIGURES[name];
  if (spec.ratioAtMost !== undefined) return `ratio ≤ ${spec.ratioAtMost}`;
  if (spec.ratioAtLeast !== undefined) return `ratio ≥ ${spec.ratioAtLeast}`;
  if (spec.valueAtLeast !== undefined) return `value ≥ ${spec.valueAtLeast}`;
  if (spec.valueAtMost !== undefined) return `value ≤ ${spec.valueAtMost}`;
  return undefined;
}

export function holds({ name, value, ratio }: Figure): boolean {
  const spec: Spec = FIGURES[name];
  // Written so that NaN fails.
  if (spec.ratioAtMost !== undefined && !(ratio <= spec.ratioAtMost)) return false;
  if (spec.ratioAtLeast !== undefined && !(ratio >= spec.ratioAtLeast)) return false;
  if (spec.valueAtMost !== undefined && !(value <= spec.valueAtMost)) return false;
  return !(spec.valueAtLeast !== undefined && !(value >= spec.valueAtLeast));
}

export function isFigureName(name: string): name is FigureName {
  return Object.hasOwn(FIGURES, name);
}
