/** What a dashboard's data say of its panels. Nobody but web interfaces reads them, so they may be anything. */

export interface Panel {
  id?: string | number;
  title?: string;
  chart?: string;
  search?: string;
  [field: string]: unknown;
}

/** The panels that are there; undefined: the data are of another kind. */
export function panelsOf(data: unknown): Panel[] | undefined {
  if (data === undefined) return [];
  if (typeof data !== "object" || data === null || Array.isArray(data)) return undefined;
  const { panels = [] } = data as { panels?: unknown };
  return Array.isArray(panels) && panels.every((panel) => typeof panel === "object" && panel !== null)
    ? (panels as Panel[])
    : undefined;
}

export interface Shown {
  title: string;
  kind: string | undefined;
  query: string | undefined;
}

/** As it is shown; of panels that come from elsewhere, what can be understood. */
export function shownPanel(panel: Panel): Shown {
  const { title, chart, type, search, query, targets } = panel;
  const [target] = Array.isArray(targets) ? (targets as { expr?: unknown }[]) : [];
  return {
    title: text(title) ?? "Without a title",
    kind: text(chart) ?? text(type),
    query: text(search) ?? text(query) ?? text(target?.expr),
  };
}

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

/** So that two can change different panels at once, each panel needs an id. */
export const withIds = (panels: readonly Panel[]): Panel[] =>
  panels.map((panel) => (panel.id === undefined ? { ...panel, id: newId() } : panel));

export const newId = (): string => crypto.getRandomValues(new Uint32Array(2)).reduce((id, part) => id + part.toString(36), "");
