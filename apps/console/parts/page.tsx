/** What pages have in common. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { ApiError } from "../api/client.ts";
import { ago, exactly, minute } from "../lib/time.ts";
import { useValue } from "../live/use-value.ts";
import { ErrorBanner } from "./banner.tsx";
import { Icon, type IconName } from "./icon.tsx";

export function Page({
  title,
  about,
  actions,
  error,
  again,
  children,
}: {
  title: string;
  about?: ComponentChildren;
  actions?: ComponentChildren;
  error?: ApiError | undefined;
  again?: () => void;
  children: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${title} · frontsync`;
  }, [title]);
  return (
    <div class="content">
      <div class="head">
        <div>
          <h1>{title}</h1>
          {about && <p>{about}</p>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </div>
      <ErrorBanner error={error} {...(again && { again })} />
      {children}
    </div>
  );
}

export function Empty({ icon, children }: { icon: IconName; children: ComponentChildren }) {
  return (
    <div class="card empty">
      <Icon name={icon} />
      {children}
    </div>
  );
}

export function When({ at }: { at: string | undefined }) {
  useValue(minute);
  if (at === undefined) return <span>never</span>;
  return (
    <time dateTime={at} title={exactly(at)}>
      {ago(at)}
    </time>
  );
}

/** While something is read for the first time. */
export const Loading = () => (
  <p class="quiet" role="status">
    Loading …
  </p>
);
