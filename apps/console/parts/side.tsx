/** Where one can go. On a phone it comes in from the side. */
import { useEffect, useState } from "preact/hooks";
import { href } from "../lib/router.ts";
import { status } from "../live/events.ts";
import { logOut, me } from "../live/session.ts";
import { useConflicts } from "../live/use-conflicts.ts";
import { useValue } from "../live/use-value.ts";
import { Badge } from "./badge.tsx";
import { Button } from "./button.tsx";
import { Icon, type IconName } from "./icon.tsx";
import { stateLook, useStateName } from "./notices.tsx";

type Item = readonly [page: string, title: string];

const WORK: readonly Item[] = [
  ["dashboards", "Dashboards"],
  ["search", "Search"],
  ["history", "History"],
  ["resources", "Resources"],
  ["conflicts", "Conflicts"],
];
const OWN: readonly Item[] = [
  ["preferences", "Preferences"],
  ["account", "Account"],
];
const ADMIN: readonly Item[] = [
  ["users", "Users"],
  ["groups", "Groups"],
];

export function Side({ page }: { page: string }) {
  const [open, setOpen] = useState(false);
  const self = useValue(me);
  const now = useValue(status);
  const state = useStateName();
  const { data } = useConflicts();
  const conflicts = data && data.items.length > 0 ? `${data.items.length}${data.more ? "+" : ""}` : undefined;
  useEffect(() => {
    if (!open) return;
    const close = (event: KeyboardEvent) => event.key === "Escape" && setOpen(false);
    window.addEventListener("keydown", close);
    return () => window.removeEventListener("keydown", close);
  }, [open]);
  const links = (items: readonly Item[]) => (
    <ul>
      {items.map(([name, title]) => (
        <li key={name}>
          <a href={href(name)} aria-current={name === page ? "page" : undefined} onClick={() => setOpen(false)}>
            <Icon name={name as IconName} />
            {title}
            {name === "conflicts" && conflicts && <Badge tone="warn">{conflicts}</Badge>}
          </a>
        </li>
      ))}
    </ul>
  );
  const brand = (
    <a class="brand" href="#/">
      <Mark /> frontsync
    </a>
  );
  return (
    <>
      <div class="bar">
        {brand}
        <Button look="plain" icon="menu" bare expanded={open} onClick={() => setOpen(!open)}>
          Menu
        </Button>
      </div>
      {open && <button type="button" class="shade" aria-label="Close the menu" onClick={() => setOpen(false)} />}
      <header class={`side ${open ? "open" : ""}`}>
        {brand}
        <nav class="nav" aria-label="Pages">
          {links(WORK)}
          <h2>Yours</h2>
          {links(OWN)}
          {self?.admin && (
            <>
              <h2>Administration</h2>
              {links(ADMIN)}
            </>
          )}
        </nav>
        <div class="side-end">
          <a
            class="state"
            href={href("status")}
            aria-current={page === "status" ? "page" : undefined}
            onClick={() => setOpen(false)}
          >
            <span class={`dot ${stateLook(state).tone}`} aria-hidden="true" />
            <span>
              {stateLook(state).name}
              {now && <span class="hidden">; this is {now.webserver}</span>}
            </span>
            {now && (
              <span class="badge" aria-hidden="true">
                {now.webserver}
              </span>
            )}
          </a>
          <Button look="plain" icon="out" onClick={() => logOut()}>
            Log out {self?.user}
          </Button>
        </div>
      </header>
    </>
  );
}

export const Mark = () => (
  <svg viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="8" fill="#3550b8" />
    <g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round">
      <path d="M9 12.5a8 8 0 0 1 13.6-2M23 19.5a8 8 0 0 1-13.6 2" />
      <path d="M23.6 6.6v4.6H19M8.4 25.4v-4.6H13" />
    </g>
  </svg>
);
