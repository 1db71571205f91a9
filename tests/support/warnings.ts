import type { Bus } from "../../bus/index.ts";

/** The codes of what a bus warns of, but for the password of the first start: tests don't change it. */
export function warningsOf(bus: Bus | undefined): string[] {
  const codes = bus?.status().warnings.map(({ code }) => code) ?? [];
  return codes.filter((code) => code !== "DEFAULT_PASSWORD");
}
