import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/client.ts";
import { words } from "../lib/errors.ts";
import { Button } from "./button.tsx";
import { Icon } from "./icon.tsx";

type Kind = "info" | "good" | "warn" | "bad";
const ICONS = { info: "info", good: "good", warn: "warning", bad: "warning" } as const;

/** Something that stays to be read. `live`: it is read aloud when it appears. */
export function Banner({
  kind = "info",
  title,
  children,
  actions,
  live,
}: {
  kind?: Kind;
  title?: string;
  children?: ComponentChildren;
  actions?: ComponentChildren;
  live?: boolean;
}) {
  return (
    <div class={`banner ${kind} appear`} role={live ? (kind === "bad" ? "alert" : "status") : undefined}>
      <Icon name={ICONS[kind]} />
      <div class="stack tight">
        <p>
          {title && <strong>{title} </strong>}
          {children}
        </p>
        {actions && <div class="actions">{actions}</div>}
      </div>
    </div>
  );
}

export function ErrorBanner({ error, again }: { error: ApiError | undefined; again?: () => void }) {
  if (!error) return null;
  return (
    <Banner kind="bad" title="That did not work." live actions={again && <Button onClick={again}>Try again</Button>}>
      {words(error)}
    </Banner>
  );
}
