import { availableParallelism, cpus, totalmem } from "node:os";
import type { FoundNatsServer } from "../functions/nats-server/index.ts";
import { boundOf, FIGURES, type Figure, holds } from "./figures.ts";

/** On which machine, with which versions: a figure without them says nothing. */
export function header(found: FoundNatsServer): string {
  const cpu = cpus()[0]?.model.trim() || "unknown CPU";
  const memory = Math.round(totalmem() / 2 ** 30);
  return `node ${process.version}, nats-server ${found.version}, ${cpu}, ${availableParallelism()} cores, ${memory} GB, ${process.platform}-${process.arch}`;
}

export const TABLE_HEAD = row(["figure", "frontsync", "bare", "ratio", "unit", "bound", "", ""]);

/** One line of the table for people. */
export function tableRow(figure: Figure): string {
  const extra = Object.entries(figure.extra).map(([key, value]) => `${key} ${short(value)}`);
  const numbers = [figure.value, figure.limit, figure.ratio].map(short);
  return row([figure.name, ...numbers, FIGURES[figure.name].unit, boundOf(figure.name) ?? "", verdict(figure), extra.join(", ")]);
}

/** One line for programs. */
export function jsonLine(figure: Figure): string {
  const { name, value, limit, ratio, extra } = figure;
  const numbers = { value: rounded(value), limit: rounded(limit), ratio: rounded(ratio) };
  const more = Object.fromEntries(Object.entries(extra).map(([key, number]) => [key, rounded(number)]));
  return JSON.stringify({ name, ...numbers, unit: FIGURES[name].unit, bound: boundOf(name) ?? null, ok: holds(figure), ...more });
}

function verdict(figure: Figure): string {
  if (boundOf(figure.name) === undefined) return "";
  return holds(figure) ? "ok" : "MISSED";
}

function row([
  name = "",
  value = "",
  limit = "",
  ratio = "",
  unit = "",
  bound = "",
  verdict = "",
  extra = "",
]: readonly string[]): string {
  const left = `${name.padEnd(22)}${value.padStart(10)}${limit.padStart(10)}${ratio.padStart(8)}  ${unit.padEnd(8)}`;
  return `${left}${bound.padEnd(16)}${verdict.padEnd(8)}${extra}`.trimEnd();
}

function short(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return value.toFixed(value < 10 ? 2 : 1);
}

/** Four digits: the rest is noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
