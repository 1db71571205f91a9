/** docs/reliability.md, from the lines of docs/reliability.jsonl: what `frontsync faults --json` and scripts/dev/fault-controls.ts printed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { INVARIANTS } from "../../../bench/faults/index.ts";
import { FAULTS } from "../../../bench/faults/injectors/index.ts";
import { ROOT } from "./sources.ts";

interface Round {
  round: number;
  seed: number;
  void?: string;
  operations: number;
  acknowledged: number;
  faults: Record<string, number>;
  violations: number;
  seconds: number;
}

interface Run {
  seed: number;
  machine: string;
  violations: Record<string, number>;
  not_run: Record<string, string>;
}

interface Control {
  control: string;
  invariant: number;
  rounds: number;
  caught: boolean;
}

export function reliability(): string {
  const lines = readFileSync(join(ROOT, "docs/reliability.jsonl"), "utf8").split("\n");
  const all = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as object);
  const rounds = all.filter((line): line is Round => "round" in line);
  const runs = all.filter((line): line is Run => "machine" in line);
  const controls = all.filter((line): line is Control => "control" in line);
  return [
    "# Reliability",
    "",
    "<!-- Generated from docs/reliability.jsonl by `npm run generate`. Do not edit. -->",
    "",
    "What fault injection found. Each round has a datastore with two handlers and three webservers of its own, works on all collections and on",
    "resources, and injects faults meanwhile; when all is well again and quiet, a checker that shares no code with what it judges reads the",
    "recorded history. A fault counts when its effect was seen, a round with 200 acknowledged operations; else it is void, and says nothing. A void",
    "round in which a process did not start ends the command with 1, as a violation does.",
    "",
    "What it does not say: the machine's kernel, its disks and its network are the real ones, and were well; clocks are moved for the webservers and the",
    "handlers, not for nats-server; there is one nats-server, no cluster.",
    "",
    "    npx frontsync faults --rounds 200 --json   # prints lines like those of docs/reliability.jsonl",
    "    npx frontsync faults --list                # the kinds of faults, and what can't be done on this machine",
    "",
    ...(rounds.length > 0
      ? [...figures(rounds, runs), ...invariants(runs), ...faults(rounds, runs)]
      : ["No run is recorded yet.", ""]),
    ...positiveControls(controls),
  ].join("\n");
}

function figures(rounds: readonly Round[], runs: readonly Run[]): string[] {
  const counted = rounds.filter((round) => round.void === undefined);
  const sum = (of: (round: Round) => number) => counted.reduce((total, round) => total + of(round), 0).toLocaleString("en-US");
  return [
    "| figure | |",
    "| --- | ---: |",
    `| rounds | ${counted.length} |`,
    `| void rounds | ${rounds.length - counted.length} |`,
    `| operations | ${sum(({ operations }) => operations)} |`,
    `| acknowledged | ${sum(({ acknowledged }) => acknowledged)} |`,
    `| faults whose effect was seen | ${sum(({ faults: seen }) => Object.values(seen).reduce((total, times) => total + times, 0))} |`,
    `| violations | ${rounds.reduce((total, { violations }) => total + violations, 0)} |`,
    "",
    ...machines(rounds, runs),
  ];
}

/** Where it ran. The rounds of a run that was ended early count, too. */
function machines(rounds: readonly Round[], runs: readonly Run[]): string[] {
  const seeds = [...new Set(rounds.map(({ seed }) => seed))].sort((a, b) => a - b).join(", ");
  const seconds = rounds.reduce((total, round) => total + round.seconds, 0) / rounds.length;
  return [
    `On ${[...new Set(runs.map(({ machine }) => machine))].join("; ")}, several runs at once and beside other work: ${seconds.toFixed(0)} s a round. Seeds ${seeds}.`,
    "",
  ];
}

function invariants(runs: readonly Run[]): string[] {
  const rows = INVARIANTS.map(({ name, text }, index) => {
    const violations = runs.reduce((total, run) => total + (run.violations[name] ?? 0), 0);
    return `| ${index + 1} | ${text} | ${violations} |`;
  });
  return ["| | invariant | violations |", "| ---: | --- | ---: |", ...rows, ""];
}

function faults(rounds: readonly Round[], runs: readonly Run[]): string[] {
  const times = (kind: string) => rounds.reduce((total, { faults: seen }) => total + (seen[kind] ?? 0), 0);
  const rows = Object.entries(FAULTS).map(([kind, { text }]) => `| \`${kind}\` | ${text} | ${times(kind)} |`);
  const notRun = Object.entries(Object.assign({}, ...runs.map((run) => run.not_run)) as Record<string, string>);
  return [
    "| fault | what it does | seen |",
    "| --- | --- | ---: |",
    ...rows,
    "",
    ...(notRun.length > 0 ? ["Not run:", "", ...notRun.map(([kind, why]) => `- \`${kind}\`: ${why}.`), ""] : []),
  ];
}

function positiveControls(controls: readonly Control[]): string[] {
  if (controls.length === 0) return [];
  const rows = controls.map(
    ({ control, invariant, rounds, caught }) =>
      `| \`${control}\` | ${invariant} | ${caught ? `in round ${rounds}` : `not in ${rounds} rounds`} |`,
  );
  return [
    "A checker that finds nothing must be one that would have. So webservers that are broken on purpose (`bench/faults/breaks/`), and a power cut with",
    "`sync: default`, must be caught within 20 rounds; a power cut with `sync: always` must not be.",
    "",
    "| broken | invariant | caught |",
    "| --- | ---: | --- |",
    ...rows,
    "",
  ];
}
