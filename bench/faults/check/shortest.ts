/** The shortest history that shows a violation: what was done to its document, what became of it, and which faults there were meanwhile. */
import type { Entry, Version } from "./history.ts";
import type { Violation } from "./violation.ts";

/** Of a body. */
const SHOWN = 300;

export function shortest(entries: readonly Entry[], { document }: Violation): Entry[] {
  if (!document)
    return entries.filter(({ type }) => type === "fault" || type === "not-quiet" || type === "up" || type === "down");
  const { collection, id } = document;
  const marks = new Set<string>();
  const is = (version: Version) => version.collection === collection && version.id === id;
  for (const entry of entries)
    if (entry.type === "version" && is(entry.version)) for (const mark of entry.version.marks) marks.add(mark);
  const ops = new Set<number>();
  for (const entry of entries) if (entry.type === "invoke" && isAbout(entry.asked, collection, id, marks)) ops.add(entry.op);
  for (const entry of entries) if (entry.type === "ok" && entry.answer.id === id && ops.has(entry.op)) ops.add(entry.op);
  const kept = entries.filter((entry) => {
    if ("op" in entry) return ops.has(entry.op);
    if (entry.type === "version" || entry.type === "stored") return is(entry.version);
    if (entry.type === "change") return entry.collection === collection && entry.id === id;
    return entry.type === "fault" || entry.type === "up" || entry.type === "down";
  });
  return [...withoutQuiet(kept).map(shortened), ...finals(entries, collection, id)];
}

type Asked = Extract<Entry, { type: "invoke" }>["asked"];

function isAbout(asked: Asked, collection: string, id: string, marks: ReadonlySet<string>): boolean {
  if ("mark" in asked && marks.has(asked.mark)) return true;
  if (asked.kind === "upload" || asked.kind === "open") return collection === "resources" && asked.id === id;
  return "collection" in asked && "id" in asked && asked.collection === collection && asked.id === id;
}

/** Faults before the first operation on the document, and after the last one, have nothing to say. */
function withoutQuiet(entries: readonly Entry[]): Entry[] {
  const isQuiet = ({ type }: Entry) => type === "fault" || type === "up" || type === "down";
  const first = entries.findIndex((entry) => !isQuiet(entry));
  const last = entries.findLastIndex((entry) => !isQuiet(entry));
  return entries.slice(Math.max(0, first), last + 1);
}

function shortened(entry: Entry): Entry {
  if (entry.type !== "version" && entry.type !== "stored") return entry;
  const { version } = entry;
  return { ...entry, version: { ...version, body: version.body.slice(0, SHOWN) } };
}

/** What each webserver had of it at the end. */
function finals(entries: readonly Entry[], collection: string, id: string): Entry[] {
  return entries.flatMap((entry) => {
    if (entry.type !== "final") return [];
    const { final } = entry;
    const rows = (final.rows[collection] ?? []).filter((row) => row.id === id);
    const shown = rows.map((row) => ({ ...row, body: row.body.slice(0, SHOWN) }));
    return [{ ...entry, final: { ...final, digests: {}, contents: {}, rows: { [collection]: shown } } }];
  });
}
