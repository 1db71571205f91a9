/** Around every page: who is logged in, where one can go, and how this webserver is. */
import { useEffect, useRef } from "preact/hooks";
import { route } from "./lib/router.ts";
import { ended, me } from "./live/session.ts";
import { useValue } from "./live/use-value.ts";
import { Account } from "./pages/account.tsx";
import { Conflicts } from "./pages/conflicts.tsx";
import { DashboardPage } from "./pages/dashboard.tsx";
import { DashboardEditor } from "./pages/dashboard-editor.tsx";
import { DashboardVersions } from "./pages/dashboard-versions.tsx";
import { Dashboards } from "./pages/dashboards.tsx";
import { GroupPage } from "./pages/group.tsx";
import { Groups } from "./pages/groups.tsx";
import { History } from "./pages/history.tsx";
import { Login, LoginAgain } from "./pages/login.tsx";
import { NotThere } from "./pages/not-there.tsx";
import { PreferenceSet, Preferences } from "./pages/preferences.tsx";
import { Resources } from "./pages/resources.tsx";
import { ResultPage } from "./pages/result.tsx";
import { Search } from "./pages/search.tsx";
import { StatusPage } from "./pages/status.tsx";
import { UserPage } from "./pages/user.tsx";
import { Users } from "./pages/users.tsx";
import { Notices } from "./parts/notices.tsx";
import { Side } from "./parts/side.tsx";
import { Toasts } from "./parts/toast.tsx";

export function App() {
  const self = useValue(me);
  const over = useValue(ended);
  return (
    <>
      {self === undefined ? null : self === null ? <Login /> : <Shell key={self.uid} />}
      {self && over && <LoginAgain />}
      <Toasts />
    </>
  );
}

function Shell() {
  const { steps, query } = useValue(route);
  const main = useRef<HTMLElement>(null);
  const path = steps.join("/");
  const first = useRef(true);
  // Whoever reads the page aloud, or goes through it by keyboard, begins at the new page.
  useEffect(() => {
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
    window.scrollTo(0, 0);
  }, [path]);
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Side page={steps[0] ?? "dashboards"} />
      <main id="main" class="main" ref={main} tabIndex={-1}>
        <Notices />
        <Pages key={path} steps={steps} query={query} />
      </main>
    </div>
  );
}

function Pages({ steps, query }: { steps: readonly string[]; query: URLSearchParams }) {
  const admin = useValue(me)?.admin === true;
  const [page = "dashboards", id, view] = steps;
  switch (page) {
    case "dashboards":
      if (id === undefined) return <Dashboards />;
      if (view === "edit") return <DashboardEditor id={id} />;
      if (view === "versions") return <DashboardVersions id={id} />;
      return <DashboardPage id={id} />;
    case "search":
      return id === undefined ? <Search first={query.get("query") ?? ""} /> : <ResultPage id={id} />;
    case "history":
      return <History />;
    case "resources":
      return <Resources />;
    case "preferences":
      return id === undefined ? <Preferences /> : <PreferenceSet name={id} />;
    case "conflicts":
      return <Conflicts />;
    case "account":
      return <Account />;
    case "status":
      return <StatusPage />;
    case "users":
      if (admin) return id === undefined ? <Users /> : <UserPage uid={Number(id)} />;
      break;
    case "groups":
      if (admin) return id === undefined ? <Groups /> : <GroupPage gid={Number(id)} />;
  }
  return <NotThere />;
}
