import type { Dashboard } from "../../../schemas/types.ts";
import { part } from "../api/client.ts";
import { useEdit } from "../edit/use-edit.ts";
import { newId, type Panel, panelsOf, withIds } from "../lib/panels.ts";
import { go, href } from "../lib/router.ts";
import { Badge } from "../parts/badge.tsx";
import { Button, LinkButton } from "../parts/button.tsx";
import { Area, Choice, Text } from "../parts/field.tsx";
import { Merge } from "../parts/merge.tsx";
import { Loading, Page } from "../parts/page.tsx";
import { SaveBar } from "../parts/save-bar.tsx";
import { Json, Labels } from "../parts/typed.tsx";

const CHARTS = ["line", "bar", "table", "number"];

export function DashboardEditor({ id }: { id: string }) {
  const { edit, state, changed } = useEdit(`/api/dashboards/${part(id)}`, "dashboards", id);
  const mine = state.mine as Dashboard | undefined;
  if (!mine)
    return (
      <Page title="Edit a dashboard" error={state.error}>
        {!state.error && <Loading />}
      </Page>
    );
  const change = (fields: Partial<Dashboard>) => edit.change(fields);
  return (
    <Page
      title={`Edit ${mine.name || "a dashboard"}`}
      about="Others may edit it at the same time. What you both change is shown here, and nothing is overwritten."
      actions={
        <>
          {state.pending && <Badge tone="warn">Not sent yet</Badge>}
          <LinkButton href={href("dashboards", id)}>View</LinkButton>
        </>
      }
    >
      <Merge edit={edit} state={state} />
      <form class="stack" onSubmit={(event) => event.preventDefault()}>
        <div class="card padded stack">
          <Text label="Name" value={mine.name} onInput={(name) => change({ name })} required maxLength={1024} />
          <Area label="Description" value={mine.description ?? ""} onInput={(description) => change({ description })} />
          <Labels value={mine.labels ?? []} onChange={(labels) => change({ labels })} />
        </div>
        <PanelsForm data={mine.data} onChange={(data) => change({ data })} />
        <SaveBar edit={edit} state={state} changed={changed} onSaved={() => go("dashboards", id)} />
      </form>
    </Page>
  );
}

function PanelsForm({ data, onChange }: { data: unknown; onChange: (data: unknown) => void }) {
  const panels = panelsOf(data);
  const set = (next: readonly Panel[]) => onChange({ ...(data as object | undefined), panels: withIds(next) });
  return (
    <section class="card" aria-label="Panels">
      <header>
        <h2>Panels</h2>
        {panels && (
          <Button icon="plus" onClick={() => set([...panels, { id: newId(), title: "New panel", chart: "line", search: "" }])}>
            Add a panel
          </Button>
        )}
      </header>
      <div class="card-body stack">
        {panels?.length === 0 && <p class="quiet">None yet.</p>}
        {panels?.map((panel, n) => (
          <PanelForm
            key={panel.id ?? n}
            panel={panel}
            at={n}
            last={n === panels.length - 1}
            onChange={(next) => set(panels.map((one, at) => (at === n ? next : one)))}
            onMove={(by) => set(moved(panels, n, by))}
            onRemove={() => set(panels.filter((_one, at) => at !== n))}
          />
        ))}
        <details>
          <summary>All of its data, as JSON</summary>
          <Json label="Data" value={data} onChange={onChange} />
        </details>
      </div>
    </section>
  );
}

function PanelForm({
  panel,
  at,
  last,
  onChange,
  onMove,
  onRemove,
}: {
  panel: Panel;
  at: number;
  last: boolean;
  onChange: (panel: Panel) => void;
  onMove: (by: 1 | -1) => void;
  onRemove: () => void;
}) {
  const { title = "", chart = "line", search = "" } = panel;
  const charts = CHARTS.includes(chart) ? CHARTS : [...CHARTS, chart];
  return (
    <fieldset class="panel-form" aria-label={`Panel ${at + 1}`}>
      <Text label="Title" value={title} onInput={(next) => onChange({ ...panel, title: next })} />
      <Choice
        label="Shown as"
        value={chart}
        options={charts.map((one) => [one, one] as const)}
        onChange={(next) => onChange({ ...panel, chart: next })}
      />
      <Text label="Search" code value={search} onInput={(next) => onChange({ ...panel, search: next })} />
      <div class="actions">
        <Button look="plain" icon="up" bare disabled={at === 0} onClick={() => onMove(-1)}>
          Move panel {at + 1} up
        </Button>
        <Button look="plain" icon="down" bare disabled={last} onClick={() => onMove(1)}>
          Move panel {at + 1} down
        </Button>
        <Button look="plain danger" icon="remove" bare onClick={onRemove}>
          Remove panel {at + 1}
        </Button>
      </div>
    </fieldset>
  );
}

function moved(panels: readonly Panel[], from: number, by: 1 | -1): Panel[] {
  const next = [...panels];
  const [panel] = next.splice(from, 1);
  if (panel) next.splice(from + by, 0, panel);
  return next;
}
