/** docs/errors.md. */
import { ERRORS } from "../../../schemas/errors.ts";

export function errors(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { meaning, todo, retryable }]) => `| \`${code}\` | ${meaning} | ${todo} | ${retryable ? "yes" : "no"} |`,
  );
  return [
    "# Error codes",
    "",
    "<!-- Generated from schemas/errors.ts by `npm run generate`. Do not edit. -->",
    "",
    "Every error is a `FrontsyncError` with one of these codes. A code never changes its meaning; new ones are added at the end.",
    "Retryable: the same call with the same `mutationId` may succeed.",
    "",
    "| code | what happened | what to do | retryable |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
